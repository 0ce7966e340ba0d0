"""A pytest plugin: checkpoints and prompts of a few tasks, all random, and a decoder trained on them."""

import numpy as np
import pytest
import torch

from p2w.adapters.checkpoints import Block, write_blocks
from p2w.config.decoder import DecoderConfig
from p2w.config.lora import LoraSettings
from p2w.finetuning.adapted_base import load_adapted
from p2w.generators.centroids import write_centroid
from p2w.generators.held_out import train_without
from p2w.prompts.states import write_embeddings

ENCODER = {"max_length": 6, "sha256": "0" * 64, "package": "nowhere"}
DIM = 7
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
CONFIG = DecoderConfig(
    num_prompts=3, shapes=((5, 4, 11),), kernel_size=3, steps=4, batch_size=2, learning_rate=1e-3, warmup_steps=1
)


@pytest.fixture(scope="session")
def held_out_world(tiny_base_model, tmp_path_factory):
    """Checkpoints of two tasks and prompts of three, all random."""
    folder = tmp_path_factory.mktemp("world")
    adapted = load_adapted(tiny_base_model, LoraSettings(rank=2, alpha=4))
    layout, adapter_config = adapted.layout, adapted.adapter_config
    for number, task in enumerate(("boolq", "piqa", "held")):
        write_task(folder, task, number, layout, adapter_config)
    return folder


def write_task(folder, task, number, layout, adapter_config, encoder=ENCODER):
    """Prompts and checkpoints of a task, all random; the weights of the checkpoints."""
    rng = np.random.default_rng(number)
    states = [rng.normal(size=(1 + i % 6, DIM)).astype(np.float16) for i in range(8)]
    names = [f"{task}-{i}" for i in range(8)]
    write_embeddings(folder / f"{task}.embeddings.parquet", names, names, states, {"task": task, "encoder": encoder})
    weights = torch.randn(5, layout.size, generator=torch.Generator().manual_seed(number))
    block = Block(epoch=1, step=[1, 2, 3, 4, 5], loss=[0.1] * 5, weights=weights)
    write_blocks(folder / f"{task}.parquet", task, 0, layout, adapter_config, [block], {})
    return weights


def write_centroids(world, folder, tasks):
    """The files of the tasks' centroids, in a folder."""
    paths = {task: folder / f"{task}.centroid.safetensors" for task in tasks}
    for task, path in paths.items():
        write_centroid(world / f"{task}.parquet", world / f"{task}.embeddings.parquet", path)
    return list(paths.values())


def train(world, output, tasks=("boolq", "piqa"), held_out=("held",), seed=0):
    checkpoints = [world / f"{task}.parquet" for task in tasks]
    embeddings = [world / f"{task}.embeddings.parquet" for task in tasks]
    train_without(held_out, CONFIG, seed, checkpoints, embeddings, output / "decoder.safetensors")
    return output / "decoder.safetensors"
