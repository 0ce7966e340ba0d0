"""From checkpoint tables and prompt embeddings to a generated adapter on disk."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from p2w.adapter_layout import AdapterLayout
from p2w.adapters import LoraSettings, read_adapter
from p2w.artifacts.files import read_json, sha256
from p2w.artifacts.seals import read_record
from p2w.checkpoints import Block, write_blocks
from p2w.decoder_config import DecoderConfig
from p2w.held_out import generate_adapter, train_without
from p2w.prompt_states import write_embeddings
from p2w.training import add_adapter, trainable

ENCODER = {"max_length": 6, "sha256": "0" * 64, "package": "nowhere"}
DIM = 7
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
CONFIG = DecoderConfig(
    num_prompts=3, shapes=((5, 4, 11),), kernel_size=3, steps=4, batch_size=2, learning_rate=1e-3, warmup_steps=1
)


@pytest.fixture(scope="module")
def world(tiny_base_model, tmp_path_factory):
    """Checkpoints of two tasks and prompts of three, all random."""
    folder = tmp_path_factory.mktemp("world")
    model, adapter_config = add_adapter(tiny_base_model.load(), LoraSettings(rank=2, alpha=4), tiny_base_model)
    layout = AdapterLayout.from_tensors(trainable(model))
    for number, task in enumerate(("boolq", "piqa", "held")):
        rng = np.random.default_rng(number)
        states = [rng.normal(size=(1 + i % 6, DIM)).astype(np.float16) for i in range(8)]
        metadata = {"task": task, "encoder": ENCODER}
        names = [f"{task}-{i}" for i in range(8)]
        write_embeddings(folder / f"{task}.embeddings.parquet", names, names, states, metadata)
        weights = torch.randn(5, layout.size, generator=torch.Generator().manual_seed(number))
        block = Block(epoch=1, step=[1, 2, 3, 4, 5], loss=[0.1] * 5, weights=weights)
        write_blocks(folder / f"{task}.parquet", task, 0, layout, adapter_config, [block], {})
    return folder


def train(world, output, tasks=("boolq", "piqa"), held_out="held", seed=0):
    checkpoints = [world / f"{task}.parquet" for task in tasks]
    embeddings = [world / f"{task}.embeddings.parquet" for task in tasks]
    train_without(held_out, CONFIG, seed, checkpoints, embeddings, output / "decoder.safetensors")
    return output / "decoder.safetensors"


def test_training_writes_weights_metrics_and_record(world, tmp_path):
    decoder = train(world, tmp_path)
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    assert list(metrics["step"]) == [1, 2, 3, 4]
    assert metrics["loss"].notna().all()
    record = read_json(tmp_path / "run.json")
    assert record["training_tasks"] == ["boolq", "piqa"]
    assert record["provenance"]["config"]["held_out"] == "held"
    assert decoder.is_file()


def test_same_seed_same_bytes(world, tmp_path):
    files = [train(world, tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    assert sha256(files[0]) == sha256(files[1]) != sha256(files[2])


@pytest.mark.slow
def test_torchrun_starts_the_command_of_the_workflow(world, tmp_path):
    command = ["workflow/scripts/decoder.py", "--seed", "0", "--held-out", "held"]
    command += ["--decoder", json.dumps(dataclasses.asdict(CONFIG))]
    command += ["--checkpoints", *(str(world / f"{task}.parquet") for task in ("boolq", "piqa"))]
    command += ["--embeddings", *(str(world / f"{task}.embeddings.parquet") for task in ("boolq", "piqa"))]
    for name, launcher in (("one", []), ("two", TWO)):
        whole = [sys.executable, *launcher, *command, "--output", str(tmp_path / name / "decoder.safetensors")]
        done = subprocess.run(whole, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    one, two = (pd.read_csv(tmp_path / name / "metrics.csv") for name in ("one", "two"))
    assert two["loss"].tolist() == pytest.approx(one["loss"].tolist(), rel=1e-5)
    records = [read_record(tmp_path / name / "run.json") for name in ("one", "two")]
    assert records[0] == records[1]
    weights = [load_file(tmp_path / name / "decoder.safetensors") for name in ("one", "two")]
    assert weights[0].keys() == weights[1].keys()


def test_draws_are_peft_adapters_and_repeat(world, tmp_path):
    decoder, prompts = train(world, tmp_path), world / "held.embeddings.parquet"
    for name, draw in (("a", 0), ("again", 0), ("b", 1)):
        generate_adapter(decoder, prompts, 0, draw, tmp_path / name / "adapter_model.safetensors")
    tensors, config = read_adapter(tmp_path / "a")
    assert config["r"] == 2
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    hashes = [sha256(tmp_path / name / "adapter_model.safetensors") for name in ("a", "again", "b")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert read_json(tmp_path / "b" / "run.json")["config"] == {"held_out": "held", "draw": 1}


def test_the_held_out_task_is_refused_as_a_training_task(world, tmp_path):
    with pytest.raises(ValueError, match="found checkpoints of the held-out task 'piqa'"):
        train(world, tmp_path, held_out="piqa")


def test_prompts_of_another_task_are_refused(world, tmp_path):
    decoder, prompts = train(world, tmp_path), world / "boolq.embeddings.parquet"
    with pytest.raises(ValueError, match="task: found 'boolq', expected 'held'"):
        generate_adapter(decoder, prompts, 0, 0, tmp_path / "x" / "adapter_model.safetensors")
