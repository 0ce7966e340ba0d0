"""Model cards: a front matter that the Hub reads, and numbers counted from this very adapter's answers."""

import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard

from p2w.report.cards import CardInputs, write_card
from p2w.runtime.files import sha256, write_json
from p2w.runtime.seals import read_record, write_record
from p2w.runtime.tables import write_table
from tests.support.answer_tables import free_answers, likelihoods
from tests.support.evaluations import evaluation, free_evaluation

REVISION = "7ae557604adf67be50417f59c2c2f167def9a775"


def answers(source, right, rows=40):
    """The first rows are right, the next ten wrong, the others not valid."""
    prediction = [1] * right + [0] * 10 + [-1] * (rows - right - 10)
    ids = [f"row-{number}" for number in range(rows)]
    return (
        pd.DataFrame({"source": source, "id": ids, "gold": 1, "prediction": prediction, "choice": 1})
        .assign(choices=2, response="[B]", text=["[B]" if p == 1 else "[A]" if p == 0 else "B" for p in prediction])
        .assign(**likelihoods([[-2.0, -1.0]] * rows))
    )


def write_config(folder, config):
    write_json(folder / "adapter_config.json", config)
    hashes = {"adapter_config.json": sha256(folder / "adapter_config.json")}
    write_record(folder / "run.json", {**read_record(folder / "run.json"), "files": hashes})


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "draw_1"
    encoder = {"hub": "some/encoder", "revision": "r", "package": None, "sha256": "e" * 64, "max_length": 8}
    write_table(tmp_path / "prompts.parquet", pd.DataFrame({"id": ["x"]}), {"task": "boolq", "encoder": encoder})
    made_from = {"d/decoder.safetensors": "d" * 64, (tmp_path / "prompts.parquet").as_posix(): ""}
    made_from = {path: found or sha256(path) for path, found in made_from.items()}
    versions = {"python": "3.11", "torch": "2"}
    write_record(folder / "run.json", {"seed": 5, "code_sha256": "c" * 64, "versions": versions, "inputs": made_from})
    config = {"base_model_name_or_path": "Qwen/Qwen2.5-0.5B-Instruct", "revision": REVISION, "r": 8, "lora_alpha": 16}
    write_config(folder, config)
    record = {"config": {"steps": 300}, "seed": 5, "code_sha256": "f" * 64}
    decoder = {"held_out": ["boolq", "qasc"], "training_tasks": ["arc_easy", "piqa"], "provenance": record}
    write_record(tmp_path / "decoder.json", decoder)
    write_record(tmp_path / "e.json", evaluation("boolq", {"base": 0.2, "constant": 0.61, "generated": 0.7}))
    table = pd.concat([answers("base", 8), answers("generated/draw_0", 30), answers("generated/draw_1", 26)])
    write_table(tmp_path / "e.predictions.parquet", table, {})
    files = [tmp_path / name for name in ("decoder.json", "prompts.parquet", "e.json", "e.predictions.parquet")]
    return CardInputs(folder, *files)


def card(inputs, source="generated/draw_1"):
    write_card(source, inputs, inputs.adapter / "README.md")
    return (inputs.adapter / "README.md").read_text()


def test_front_matter_is_what_the_hub_reads(inputs):
    head = yaml.safe_load(card(inputs).split("---\n")[1])
    assert head["base_model"] == "Qwen/Qwen2.5-0.5B-Instruct"
    assert head["library_name"] == "peft"
    assert "lora" in head["tags"]
    assert ModelCard(card(inputs)).data.base_model == "Qwen/Qwen2.5-0.5B-Instruct"


def test_scores_are_those_of_this_draw(inputs):
    text = card(inputs)
    assert "| **this adapter (generated/draw_1)** | 0.650 | 0.495 – 0.779 | 0.900 | 1.000 |" in text
    assert "On 40 test rows of boolq" in text
    assert "| **this adapter (generated/draw_0)** | 0.750 |" in card(inputs, "generated/draw_0")


def test_a_further_generators_own_line_and_limits(inputs, tmp_path):
    table = pd.concat([answers("base", 8), answers("ridge/draw_0", 24)])
    write_table(tmp_path / "e.predictions.parquet", table, {})
    write_record(tmp_path / "e.json", evaluation("boolq", {"base": 0.2, "generated": 0.7, "ridge": 0.6}))
    text = card(inputs, "ridge/draw_0")
    assert "| **this adapter (ridge/draw_0)** | 0.600 |" in text
    assert text.index("| `ridge` | 0.600 |") < text.index("| `generated` | 0.700 |")
    assert "`ridge` is the mean over all adapters that the same kind of generator made" in text
    assert "What this generator makes of other prompts was not tried" in text


def test_controls_stand_beside_it(inputs):
    text = card(inputs)
    for name, accuracy in (("base", 0.2), ("constant", 0.61), ("generated", 0.7)):
        assert f"| `{name}` | {accuracy:.3f} |" in text


def test_free_answers_have_no_choice_accuracy(inputs, tmp_path):
    write_record(tmp_path / "e.json", free_evaluation("boolq", {"base": 0.2, "generated": 0.7}))
    write_table(tmp_path / "e.predictions.parquet", free_answers(["base", "generated/draw_1"]), {})
    text = card(inputs)
    assert re.search(r"\(generated/draw_1\)\*\* \| 0\.\d+ \| 0\.\d+ – 0\.\d+ \| 0\.\d+ \| – \|", text)
    assert "| `base` | 0.200 | 0.133 – 0.289 | 1.000 | – |" in text


def test_where_it_comes_from(inputs):
    text = card(inputs)
    hashes = ("d" * 64, "e" * 64, "f" * 64, sha256(inputs.embeddings))
    for part in (REVISION, *hashes, "300 steps, seed 5", "arc_easy, piqa; it never saw boolq, qasc."):
        assert part in text
    assert f"from_pretrained('Qwen/Qwen2.5-0.5B-Instruct', revision='{REVISION}')" in text


def test_base_model_in_a_folder_has_no_revision(inputs):
    config = {"base_model_name_or_path": "p2w/pocket/base_model", "revision": None, "r": 4, "lora_alpha": 8}
    write_config(inputs.adapter, config)
    assert "from_pretrained('p2w/pocket/base_model')" in card(inputs)


def test_cards_are_cheap():
    code = "import sys, p2w.report.cards; assert not {'torch', 'peft', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
