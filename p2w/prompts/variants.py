"""Prompts with their meaning taken out, for controls: their own words in another order, and words of anybody."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator

from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import PromptSelection
from p2w.data.samples import read_samples
from p2w.prompts.embeddings import condition_texts, encode_cached, select_prompts
from p2w.prompts.encoder import encode_when_needed
from p2w.prompts.states import write_embeddings
from p2w.runtime.device import best_device
from p2w.runtime.files import transaction
from p2w.runtime.provenance import provenance


def shuffled_words(texts: Sequence[str], _vocabulary: Sequence[str], rng: Generator) -> list[str]:
    """Every prompt's own words in random order."""
    return [" ".join(rng.permutation(text.split())) for text in texts]


def random_words(texts: Sequence[str], vocabulary: Sequence[str], rng: Generator) -> list[str]:
    """As many words as each prompt has, every one drawn evenly from `vocabulary`."""
    return [" ".join(rng.choice(np.array(vocabulary, dtype=object), len(text.split()))) for text in texts]


VARIANTS: dict[str, Callable[[Sequence[str], Sequence[str], Generator], list[str]]] = {
    "shuffled_prompts": shuffled_words,
    "random_prompts": random_words,
}


def vocabulary_of(texts: Sequence[str]) -> list[str]:
    """Distinct words, sorted."""
    return sorted({word for text in texts for word in text.split()})


def embed_variants(
    encoder: PromptEncoder,
    selection: PromptSelection,
    seed: int,
    held_out: str,
    samples_path: Path,
    training_paths: Sequence[Path],
    cache: Path,
    output: Path,
) -> None:
    """Write `{output}/{variant}.parquet`: embeddings of each variant of the prompts that stand for the held-out task.

    Random words come from the prompts of the training tasks, `training_paths`.
    """
    samples = select_prompts(read_samples(samples_path), selection.max_per_task, seed)
    others = [select_prompts(read_samples(path), selection.max_per_task, seed) for path in training_paths]
    own, *theirs = (condition_texts(table, selection.form, seed) for table in (samples, *others))
    vocabulary = vocabulary_of([text for texts in theirs for text in texts])
    encode = encode_when_needed(encoder, str(best_device()))
    tables = []
    for number, (variant, change) in enumerate(VARIANTS.items()):
        texts = change(own, vocabulary, np.random.default_rng((seed, number)))
        states = encode_cached(texts, encode, cache / encoder.key)
        config = {**selection.to_json(), "held_out": held_out, "variant": variant}
        record = provenance("prompt_variants", config, [samples_path, *training_paths], seed)
        metadata = {"task": f"{held_out} ({variant})", "encoder": encoder.to_json(), "provenance": record}
        tables.append((output / f"{variant}.parquet", samples["id"].tolist(), texts, states, metadata))
    with transaction():
        for table in tables:
            write_embeddings(*table)
