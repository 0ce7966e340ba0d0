"""A generator's folder without training: toy tasks, a ridge fitted on them, an encoder that needs no model."""

from dataclasses import replace

import numpy as np

from p2w.config.generator import GeneratorConfig
from p2w.data.samples import write_samples
from p2w.generators.fitting import fit_without
from p2w.using.describing import describe_generator
from p2w.using.generator import Generator
from tests.support.held_out_world import DIM
from tests.support.toy_samples import toy_samples

TASKS = ("boolq", "piqa", "held")
RIDGE = GeneratorConfig(kind="ridge", positions=3)


def encode(texts):
    """A state per word, which follows from its letters: (words, DIM) float16."""
    return [np.stack([_word(word) for word in text.split()]).astype(np.float16) for text in texts]


def _word(word):
    return np.random.default_rng(list(word.encode())).normal(size=DIM)


def write_generator(world, folder, base, tasks=TASKS, fit=None):
    """Fit a generator on tasks of `held_out_world`, none held out, and describe it as the workflow does."""
    files = [[world / f"{task}{end}" for task in tasks] for end in (".parquet", ".embeddings.parquet")]
    generator = folder / "generator.safetensors"
    (fit or (lambda *given: fit_without((), RIDGE, 5, *given)))(*files, generator)
    samples = [folder.parent / f"samples/{task}/train.parquet" for task in tasks]
    for path in samples:
        write_samples(path, toy_samples().assign(system=f"You know {path.parent.name}."), {})
    describe_generator(generator, "toy", base, files[1], samples)
    return folder


def opened(folder):
    """The generator of a folder, with the encoder above."""
    return replace(Generator.from_pretrained(folder), encode=encode)
