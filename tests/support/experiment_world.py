"""What an experiment has made, in small: four training tasks and a held-out one, for scripts that read results."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from p2w.config.base_model import BaseModel
from p2w.config.experiment import Experiment
from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table
from p2w.config.lora import LoraSettings
from p2w.config.settings import parse
from p2w.data.samples import write_samples
from p2w.finetuning.adapted_base import load_adapted
from tests.support.held_out_world import write_task
from tests.support.toy_samples import free_samples, toy_samples

TRAINING, HELD_OUT = ["arc_easy", "boolq", "piqa", "fv_antonym"], "fv_synonym"


def script(name: str) -> ModuleType:
    """A script of the benchmarks as a module."""
    return importlib.import_module(name)


def small_results(tiny_base_model: BaseModel, folder: Path) -> Any:
    """An experiment of tasks answered by choices and freely, with random adapters, written under a folder."""
    lora = LoraSettings(rank=2, alpha=4)
    adapted = load_adapted(tiny_base_model, lora)
    layout, adapter_config = adapted.layout, adapted.adapter_config
    for kind in ("checkpoints", "embeddings"):
        (folder / kind).mkdir()
    for number, task in enumerate((*TRAINING, HELD_OUT)):
        write_task(folder, task, number, layout, adapter_config)
        (folder / f"{task}.parquet").rename(folder / f"checkpoints/{task}.parquet")
        (folder / f"{task}.embeddings.parquet").rename(folder / f"embeddings/{task}.parquet")
        for split in ("train", "test"):
            samples = free_samples() if task.startswith("fv_") else toy_samples()
            write_samples(folder / f"samples/{task}/{split}.parquet", samples, {})
    table, sources = read_task_table(Path("config/tasks")), read_sources(Path("config/sources.yaml"))
    pocket = Experiments(find_experiments(Path("config/experiments")), table, sources).read("pocket")
    changed = {"tasks": [*TRAINING, HELD_OUT], "held_out": [HELD_OUT], "base_model": tiny_base_model.given()}
    scoring = {task: {"score": "exact", "max_new_tokens": 3} if "fv_" in task else {} for task in changed["tasks"]}
    changed["decoder"] = {**pocket["decoder"], "num_prompts": 3, "steps": 2, "warmup_steps": 1}
    changed["lora"] = lora.to_json()
    changed["finetune"] = {**pocket["finetune"], "snapshots": 1}
    changed["evaluation"] = {**pocket["evaluation"], "max_rows": 5}
    experiment = parse(Experiment, {**pocket, **changed})
    return script("experiment_results").Results(experiment, folder, folder, scoring)
