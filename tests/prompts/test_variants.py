"""Prompts without their meaning: the same words, or as many words."""

from collections import Counter

import numpy as np
import pytest

from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import PromptSelection
from p2w.data.samples import write_samples
from p2w.prompts import variants
from p2w.prompts.states import prompt_key, read_embeddings
from p2w.prompts.variants import embed_variants, random_words, shuffled_words, vocabulary_of
from p2w.runtime.tables import read_metadata, read_table

TEXTS = ["What color is a plum?\nA: red\nB: blue\nAnswer with [A] or [B].", "Who barks?\nA: dogs"]
ENCODER = PromptEncoder(max_length=9, sha256="0" * 64, package="nowhere")


def test_shuffling_keeps_the_words_and_loses_their_order():
    shuffled = shuffled_words(TEXTS, [], np.random.default_rng(0))
    assert [Counter(text.split()) for text in shuffled] == [Counter(text.split()) for text in TEXTS]
    assert shuffled[0].split() != TEXTS[0].split()
    assert shuffled == shuffled_words(TEXTS, [], np.random.default_rng(0))
    assert shuffled != shuffled_words(TEXTS, [], np.random.default_rng(1))


def test_random_words_are_as_many_and_from_the_vocabulary():
    vocabulary = vocabulary_of(["b a", "c a\nd"])
    assert vocabulary == ["a", "b", "c", "d"]
    texts = random_words(TEXTS, vocabulary, np.random.default_rng(0))
    assert [len(text.split()) for text in texts] == [len(text.split()) for text in TEXTS]
    assert {word for text in texts for word in text.split()} <= set(vocabulary)
    assert len({word for text in texts for word in text.split()}) > 1


@pytest.fixture
def fake_encoder(monkeypatch):
    def encode(texts):
        return [np.full((len(text.split()), 5), len(text), np.float16) for text in texts]

    monkeypatch.setattr(variants, "encode_when_needed", lambda _encoder, _device: encode)


@pytest.mark.usefixtures("fake_encoder")
def test_variants_have_the_words_that_the_condition_has(tiny_samples, tmp_path):
    write_samples(tmp_path / "held.parquet", tiny_samples, {})
    for form, more in (("prompt", 0), ("prompt_answer", 1)):  # an answer of the toy samples is one word
        out = tmp_path / form
        selection = PromptSelection(max_per_task=99, form=form)
        paths = [tmp_path / "held.parquet"]
        embed_variants(ENCODER, selection, 3, "toy", paths[0], paths, tmp_path / "cache", out)
        tokens = read_table(out / "shuffled_prompts.parquet")["tokens"].to_pylist()
        distinct = tiny_samples.drop_duplicates("prompt")["prompt"]
        assert tokens == [len(text.split()) + more for text in distinct]


@pytest.mark.usefixtures("fake_encoder")
def test_both_variants_stand_for_the_same_prompts(tiny_samples, tmp_path):
    other = tiny_samples.assign(prompt=[f"word{i} more" for i in range(len(tiny_samples))])
    write_samples(tmp_path / "held.parquet", tiny_samples, {})
    write_samples(tmp_path / "other.parquet", other, {})
    arguments = (ENCODER, PromptSelection(max_per_task=7), 3, "toy", tmp_path / "held.parquet")
    embed_variants(*arguments, [tmp_path / "other.parquet"], tmp_path / "cache", tmp_path / "out")
    tables = {name: read_table(tmp_path / f"out/{name}_prompts.parquet") for name in ("shuffled", "random")}
    assert tables["shuffled"]["id"] == tables["random"]["id"]
    assert len(read_embeddings(tmp_path / "out/random_prompts.parquet")) == 7
    own = {prompt_key(text) for text in tiny_samples["prompt"]}
    assert not own & set(tables["random"]["prompt_sha256"].to_pylist())
    assert read_metadata(tmp_path / "out/shuffled_prompts.parquet")["task"] == "toy (shuffled_prompts)"
