"""A generator that is trained through the base model, from files to files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from p2w.adapters.checkpoints import Block, read_checkpoints, write_blocks
from p2w.config.decoder import DecoderConfig
from p2w.config.generator import GeneratorConfig
from p2w.config.lora import LoraSettings
from p2w.data.samples import write_samples
from p2w.finetuning.adapted_base import load_adapted
from p2w.generators.generating import generate_adapters
from p2w.generators.generator_file import load_generator
from p2w.generators.learning import learn_without
from p2w.runtime.files import read_json, sha256
from tests.support.held_out_world import write_task
from tests.support.toy_samples import toy_samples

CONFIG = GeneratorConfig(kind="basis", positions=2, steps=3, tasks_per_step=2, rows_per_task=3, max_samples=7)
NETWORK = GeneratorConfig(kind="hypernetwork", positions=2, steps=3, warm_start=1, width=7, tasks_per_step=2,
                          rows_per_task=3, max_samples=7)  # fmt: skip
DECODER = GeneratorConfig(kind="learned_decoder", steps=3, warm_start=1, tasks_per_step=2, rows_per_task=3,
                          max_samples=7)  # fmt: skip
ARCHITECTURE = DecoderConfig(num_prompts=3, shapes=((8, 4, 8),), kernel_size=3, steps=1, batch_size=1,
                             learning_rate=1e-3, scales="log")  # fmt: skip
KINDS = pytest.mark.parametrize("kind", [CONFIG, NETWORK, DECODER], ids=lambda config: config.kind)
TASKS = ("arc_easy", "boolq", "piqa")


@pytest.fixture(scope="module")
def world(tiny_base_model, tmp_path_factory):
    """Checkpoints, prompts and labelled samples of three tasks, and prompts of the held-out one."""
    folder = tmp_path_factory.mktemp("learned")
    adapted = load_adapted(tiny_base_model, LoraSettings(rank=2, alpha=4))
    layout, adapter_config = adapted.layout, adapted.adapter_config
    for number, task in enumerate((*TASKS, "held")):
        write_task(folder, task, number, layout, adapter_config)
        write_samples(folder / f"{task}.samples.parquet", toy_samples(), {})
    return folder


def files(world, end, tasks=TASKS):
    return [world / f"{task}{end}" for task in tasks]


def learn(world, base, output, config=CONFIG, tasks=TASKS, seed=0):
    samples = dict(zip(tasks, files(world, ".samples.parquet", tasks), strict=True))
    paths = files(world, ".parquet"), files(world, ".embeddings.parquet")
    path, decoder = output / "generator.safetensors", ARCHITECTURE if config.kind == "learned_decoder" else None
    learn_without(["held"], config, base, 3, 128, seed, *paths, samples, path, None, decoder)
    return path


@KINDS
@pytest.mark.parametrize("loss", ["weights", "delta", "task"])
def test_a_trained_generator_makes_adapters_of_prompts_on_disk(world, tiny_base_model, tmp_path, kind, loss):
    config = kind.model_copy(update={"loss": loss})
    generator = learn(world, tiny_base_model, tmp_path, config)
    record, metrics = read_json(tmp_path / "run.json"), pd.read_csv(tmp_path / "metrics.csv")
    assert record["training_tasks"] == list(TASKS)
    assert record["provenance"]["config"]["loss"] == loss
    assert {path.rsplit("/", 1)[1] for path in record["provenance"]["inputs"]} >= {"boolq.samples.parquet"}
    assert metrics["step"].tolist() == [1, 2, 3]
    assert metrics["loss"].nunique() > 1
    generate_adapters(generator, world / "held.embeddings.parquet", 0, {0: tmp_path / "a/adapter_model.safetensors"})
    assert (tmp_path / "a/adapter_config.json").is_file()
    assert sha256(learn(world, tiny_base_model, tmp_path / "again", config)) == sha256(generator)


@KINDS
def test_a_checkpoint_that_is_not_finite(world, tiny_base_model, tmp_path, kind):
    bad = Path(shutil.copytree(world, tmp_path / "bad"))
    found = read_checkpoints(bad / "boolq.parquet")
    found.weights[2, 5] = torch.inf
    block = Block(1, list(range(1, 6)), [0.1] * 5, found.weights)
    write_blocks(bad / "boolq.parquet", "boolq", 0, found.layout, found.adapter_config, [block], {})
    with pytest.raises(ValueError, match="checkpoints: boolq: found 1 values that are not finite, expected none"):
        learn(bad, tiny_base_model, tmp_path, kind)
    assert not (tmp_path / "generator.safetensors").exists()


def test_no_steps_are_ridge_and_every_step_moves_it(world, tiny_base_model, tmp_path):
    mixed = [
        load_generator(learn(world, tiny_base_model, tmp_path / str(n), CONFIG.model_copy(update={"steps": n})))
        for n in (0, 1)
    ]
    before = torch.stack([read_checkpoints(path).weights.mean(0) for path in files(world, ".parquet")])
    torch.testing.assert_close(mixed[0].weights_mean + mixed[0].residuals, before)
    assert not torch.allclose(mixed[0].weights_mean, mixed[1].weights_mean, atol=1e-4)
    assert not torch.allclose(mixed[0].mixing, mixed[1].mixing, atol=1e-6)


@KINDS
def test_a_validated_one_says_when_it_was_best(world, tiny_base_model, tmp_path, kind):
    generator = learn(world, tiny_base_model, tmp_path, kind.model_copy(update={"validation": 0.3}))
    assert pd.read_csv(tmp_path / "metrics.csv")["validation_loss"].notna().all()
    whole = learn(world, tiny_base_model, tmp_path / "whole", kind)
    assert "validation_loss" not in pd.read_csv(tmp_path / "whole/metrics.csv").columns
    assert sha256(whole) != sha256(generator)


def test_what_does_not_fit_together(world, tiny_base_model, tmp_path):
    with pytest.raises(ValueError, match=r"samples: found those of \['boolq', 'piqa'\], expected \['arc_easy', "):
        learn(world, tiny_base_model, tmp_path, tasks=("boolq", "piqa"))
    other = tiny_base_model.model_copy(update={"path": "p2w/pocket/base_model"})
    with pytest.raises(ValueError, match=r"base_model_name_or_path: found .* expected 'p2w/pocket/base_model'"):
        learn(world, other, tmp_path)


@pytest.mark.long
def test_the_command_of_the_workflow(world, tiny_base_model, tmp_path):
    command = [sys.executable, "workflow/scripts/learned_generator.py", "--generator", json.dumps(CONFIG.given())]
    command += ["--base-model", json.dumps(tiny_base_model.given()), "--num-prompts", "3", "--max-length", "128"]
    command += ["--seed", "0", "--held-out", "held", "--tasks", *TASKS]
    for option, end in (("checkpoints", ""), ("embeddings", ".embeddings"), ("samples", ".samples")):
        command += [f"--{option}", *map(str, files(world, f"{end}.parquet"))]
    command += ["--output", str(tmp_path / "a/generator.safetensors"), "--state", str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3/3 steps without held" in done.stderr
    found, again = (
        load_generator(p) for p in (tmp_path / "a/generator.safetensors", learn(world, tiny_base_model, tmp_path))
    )
    assert found.weights_mean.equal(again.weights_mean)
