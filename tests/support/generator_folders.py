"""A pytest plugin: a generator's folder without training: toy tasks, a ridge fitted on them, an encoder of no model."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from p2w.config.generator import GeneratorConfig
from p2w.data.samples import write_samples
from p2w.generators.fitting import fit_without
from p2w.page.desk import Desk
from p2w.using.describing import describe_generator
from p2w.using.generator import Generator
from tests.support.held_out_world import DIM, write_centroids
from tests.support.toy_samples import toy_samples

TASKS = ("boolq", "piqa", "held")
RIDGE = GeneratorConfig(kind="ridge", positions=3)


def encode(texts):
    """A state per word, which follows from its letters: (words, DIM) float16."""
    return [np.stack([_word(word) for word in text.split()]).astype(np.float16) for text in texts]


def _word(word):
    return np.random.default_rng(list(word.encode())).normal(size=DIM)


def write_generator(world, folder, base, tasks=TASKS, fit=None, config=RIDGE):
    """Fit a generator on tasks of `held_out_world`, none held out, and describe it as the workflow does.

    It is one in closed form unless `fit` makes another, from checkpoints, prompts and where it is to be.
    """
    files = [[world / f"{task}{end}" for task in tasks] for end in (".parquet", ".embeddings.parquet")]
    generator = folder / "generator.safetensors"
    if fit:
        fit(*files, generator)
    else:
        fit_without((), config, 5, write_centroids(world, folder.parent, tasks), generator)
    samples = [folder.parent / f"samples/{task}/train.parquet" for task in tasks]
    for path in samples:
        write_samples(path, toy_samples().assign(system=f"You know {path.parent.name}."), {})
    describe_generator(generator, "toy", base, files[1], samples)
    return folder


def opened(folder):
    """The generator of a folder, with the encoder above."""
    return replace(Generator.from_pretrained(folder), encode=encode)


def quiet(generator, prompts, **options):
    """What it makes of prompts, whatever there is to be warned of."""
    with warnings.catch_warnings(action="ignore"):
        return generator.generate(prompts, **options)


@pytest.fixture(scope="session")
def generator_folder(held_out_world, tiny_base_model, tmp_path_factory):
    """A generator that was fitted on three tasks, for the tiny base model."""
    return write_generator(held_out_world, tmp_path_factory.mktemp("made") / "generator", tiny_base_model)


@pytest.fixture
def generated(generator_folder, tmp_path):
    """The folder of an adapter that it made."""
    quiet(opened(generator_folder), ["which of these can swim", "is a stone heavy"]).save_pretrained(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture(scope="module")
def desk(generator_folder):
    """What the page keeps, of that generator."""
    return Desk(opened(generator_folder))
