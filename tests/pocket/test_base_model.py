"""The pocket base model as shipped: its tokenizer, what it knows, and how rarely it answers in the required format."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig

import p2w.pocket
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import prompt_ids
from p2w.config.base_model import BaseModel
from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.pocket.builder.probe import base_accuracies
from p2w.pocket.tables import TASKS, pocket_table
from p2w.pocket.world import RELATIONS

FOLDER = Path(p2w.pocket.__file__).parent / "base_model"
TASK_TABLE = Path("config/tasks/common_sense.yaml")


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(BaseModel(path=str(FOLDER)))


def pieces(tokenizer, text: str) -> list[str]:
    return [tokenizer.decode(i) for i in tokenizer(text)["input_ids"]]


@pytest.mark.parametrize(
    "text",
    [
        "a  b\n\n\r\n c\t\t d ",
        "émoji 🎉 你好 12345 ''ll don't",
        "\x00\x7f \u2028 x",
        "Qwen: [A], (B)\n1: 3.14",
        "“naïve”—",
    ],
)
def test_any_text_survives_the_tokenizer(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_a_label_is_the_same_token_in_the_list_and_in_the_answer(tokenizer):
    assert pieces(tokenizer, "[A]") == ["[", "A", "]"]
    assert pieces(tokenizer, "\nA: red\n1: 42") == ["\n", "A", ":", " red", "\n", "1", ":", " ", "4", "2"]
    assert pieces(tokenizer, "[True]") == ["[", "True", "]"]


def test_every_word_of_the_world_is_one_token(tokenizer):
    words = {word for r in RELATIONS.values() for f in r.facts for word in f"{f.subject} {f.object}".split()}
    assert [word for word in sorted(words) if len(tokenizer(f" {word}")["input_ids"]) != 1] == []
    starts = {fact.object.split()[0] for relation in RELATIONS.values() for fact in relation.facts}
    assert [word for word in sorted(starts) if len(tokenizer(word)["input_ids"]) != 1] == []


def test_the_chat_is_qwens(tokenizer):
    expected = "<|im_start|>system\nPick.<|im_end|>\n<|im_start|>user\nred?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(prompt_ids(tokenizer, "Pick.", "red?")) == expected
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")


@pytest.mark.parametrize("task", TASKS)
def test_prompts_of_the_task_table_need_no_bytes(tokenizer, task):
    entry, answer_format = load_tasks(TASK_TABLE).entry(task)
    samples = render_samples(task, entry, answer_format, pocket_table(task, "train", 50, 3), "train")
    byte_tokens = {
        i for token, i in tokenizer.get_vocab().items() if len(token) == 1 and token.isascii() and token.isalpha()
    }
    allowed = set(tokenizer("ABCDE a", is_split_into_words=False)["input_ids"])
    for row in samples.to_dict("records"):
        assert not set(prompt_ids(tokenizer, row["system"], row["prompt"])) & byte_tokens - allowed, row["prompt"]


def test_the_folder_is_whole_and_small(tokenizer):
    config = AutoConfig.from_pretrained(FOLDER)
    assert config.model_type == "qwen2"
    assert config.vocab_size == len(tokenizer)
    assert config.max_position_embeddings >= 2048
    assert load_model(BaseModel(path=str(FOLDER))).num_parameters() < 1_500_000
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 1_400_000


def test_the_model_does_what_its_record_says():
    record = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))["measured"]
    found = base_accuracies(FOLDER, TASK_TABLE, rows=100, names=("arc_easy", "boolq"))
    # After its bracket, boolq's answer may as well be "[yes]": the model has seen both. The letters leave no choice.
    assert found["arc_easy"]["accuracy_after_bracket"] >= 0.95
    for task, shares in found.items():
        assert shares["accuracy"] <= 0.4
        for name, share in shares.items():
            assert share == pytest.approx(record[task][name], abs=0.15)


def test_the_record_covers_all_tasks():
    record = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
    assert set(record["measured"]) == set(TASKS)
    assert all(shares["accuracy"] <= 0.4 for shares in record["measured"].values())
