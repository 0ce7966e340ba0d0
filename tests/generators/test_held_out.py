"""From checkpoint tables and prompt embeddings to a generated adapter on disk."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from safetensors.torch import load_file

from p2w.adapters.peft_folder import read_adapter
from p2w.generators.generating import generate_adapters
from p2w.generators.held_out import train_without
from p2w.runtime.files import read_json, sha256
from p2w.runtime.seals import read_record
from tests.support.held_out_world import CONFIG, TWO, train


def test_training_writes_weights_metrics_and_record(held_out_world, tmp_path):
    decoder = train(held_out_world, tmp_path)
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    assert list(metrics["step"]) == [1, 2, 3, 4]
    assert metrics["loss"].notna().all()
    record = read_json(tmp_path / "run.json")
    assert record["training_tasks"] == ["boolq", "piqa"]
    assert record["provenance"]["config"]["held_out"] == ["held"]
    assert decoder.is_file()


def test_a_group_is_held_out_from_one_decoder(held_out_world, tmp_path):
    decoder = train(held_out_world, tmp_path, tasks=("boolq",), held_out=("held", "piqa"))
    for task in ("held", "piqa"):
        output = tmp_path / task / "adapter_model.safetensors"
        generate_adapters(decoder, held_out_world / f"{task}.embeddings.parquet", 0, {0: output})
        assert read_json(tmp_path / task / "run.json")["config"]["held_out"] == task
    other = held_out_world / "boolq.embeddings.parquet"
    with pytest.raises(ValueError, match="task: found 'boolq', expected 'held' or 'piqa'"):
        generate_adapters(decoder, other, 0, {0: tmp_path / "adapter.safetensors"})


def test_no_task_of_the_group_is_among_the_training_tasks(held_out_world, tmp_path):
    with pytest.raises(ValueError, match="found checkpoints of the held-out task 'piqa', expected training tasks only"):
        train(held_out_world, tmp_path, held_out=("held", "piqa"))
    checkpoints = [held_out_world / "boolq.parquet"]
    prompts = [held_out_world / f"{task}.embeddings.parquet" for task in ("boolq", "piqa")]
    with pytest.raises(ValueError, match="found prompts of the held-out task 'piqa', expected training tasks only"):
        train_without(["held", "piqa"], CONFIG, 0, checkpoints, prompts, tmp_path / "decoder.safetensors")


def test_same_seed_same_bytes(held_out_world, tmp_path):
    files = [train(held_out_world, tmp_path / name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    assert sha256(files[0]) == sha256(files[1]) != sha256(files[2])


@pytest.mark.long
def test_torchrun_starts_the_command_of_the_workflow(held_out_world, tmp_path):
    command = ["workflow/scripts/decoder.py", "--seed", "0", "--held-out", "held"]
    command += ["--decoder", json.dumps(CONFIG.to_json())]
    command += ["--checkpoints", *(str(held_out_world / f"{task}.parquet") for task in ("boolq", "piqa"))]
    command += ["--embeddings", *(str(held_out_world / f"{task}.embeddings.parquet") for task in ("boolq", "piqa"))]
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


def test_draws_are_peft_adapters_and_repeat(held_out_world, tmp_path):
    decoder, prompts = train(held_out_world, tmp_path), held_out_world / "held.embeddings.parquet"
    for name, draw in (("a", 0), ("again", 0), ("b", 1)):
        generate_adapters(decoder, prompts, 0, {draw: tmp_path / name / "adapter_model.safetensors"})
    tensors, config = read_adapter(tmp_path / "a")
    assert config["r"] == 2
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    hashes = [sha256(tmp_path / name / "adapter_model.safetensors") for name in ("a", "again", "b")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert read_json(tmp_path / "b" / "run.json")["config"] == {"held_out": "held", "draw": 1}
