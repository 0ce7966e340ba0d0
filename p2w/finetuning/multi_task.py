"""The multi-task control: one adapter trained on all training tasks, on a single task's budget or a longer one."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from p2w.adapters.peft_folder import write_adapter
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.finetuning.batches import select_samples
from p2w.finetuning.training import Training
from p2w.runtime.progress import Report, silent
from p2w.runtime.provenance import RUN_FILE
from p2w.runtime.resume import SavedState


def pool_samples(tables: Mapping[str, pd.DataFrame], most: int, seed: int) -> pd.DataFrame:
    """At most `most` rows from all tasks, as evenly as their number and sizes allow; ids name the task.

    ValueError on more tasks than rows, or an empty or unlabeled table.
    """
    if len(tables) > most:
        raise ValueError(f"multi_task: found {len(tables)} tasks for {most} samples, expected at least one sample each")
    tables = dict(sorted(tables.items()))
    sizes = np.array([len(table) for table in tables.values()])
    # The largest share that all together fit in `most`; rows left over go to the first tasks that have more, one each.
    share = max(level for level in range(1, most + 1) if np.minimum(sizes, level).sum() <= most)
    counts = np.minimum(sizes, share)
    counts[np.flatnonzero(sizes > share)[: most - counts.sum()]] += 1
    chosen = [
        select_samples(task, table, int(count), seed).assign(id=lambda rows, task=task: task + "/" + rows["id"])
        for (task, table), count in zip(tables.items(), counts, strict=True)
    ]
    return pd.concat(chosen, ignore_index=True)


def train_multi_task(
    base: BaseModel,
    lora: LoraSettings,
    config: FinetuneConfig,
    seed: int,
    tables: Mapping[str, pd.DataFrame],
    epochs: int | None,
    output: Path,
    *,
    device: torch.device | str = "cpu",
    record: Mapping[str, Any] | None = None,
    report: Report = silent,
    state: Path | None = None,
) -> None:
    """Train on `max_samples` rows of all tasks together, for the epochs that a single task gets; write the adapter.

    Without `epochs`, for as many as show it `max_samples` samples: where the tasks have fewer, these come again.
    The file `state` is what the same call goes on from after an interruption.
    """
    pooled = pool_samples(tables, config.max_samples, seed)
    epochs = epochs or math.ceil(config.max_samples / len(pooled))
    training = Training(base, lora, config, seed, "multi_task", pooled, device)
    with SavedState(state, {**(record or {}), **training.identity(), "epochs": epochs}) as saved:
        training.resume(saved)
        for epoch in range(max(1, len(training.losses)), epochs + 1):
            training.run_epoch(epoch, report, saved)
        run = {**(record or {}), "tasks": sorted(tables), "rows": len(pooled), "losses": training.losses}
        write_adapter(output, training.parameters, training.base.adapter_config, {RUN_FILE: run})
