"""The pocket experiment's checkpoints and prompts, made in one process and kept in a folder for the next run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from measure import POCKET, PROJECT
from prompts import encoder
from safetensors.torch import load_file, save_file
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.config.base_model import BaseModel
from p2w.config.decoder import DecoderConfig
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.config.settings import parse
from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.finetuning.training import Training
from p2w.pocket.tables import pocket_table
from p2w.prompts.embeddings import select_prompts
from p2w.prompts.encoder import load_encoder
from p2w.prompts.states import PromptStates
from p2w.runtime.files import read_json, write_json

EXPERIMENT: dict[str, Any] = yaml.safe_load((PROJECT / "config/experiments/pocket.yaml").read_text(encoding="utf-8"))
SEED, ROWS = EXPERIMENT["seed"], 512
BASE = BaseModel(path=str(POCKET))
CONFIG = parse(DecoderConfig, EXPERIMENT["decoder"])


def samples(task: str, split: str, rows: int) -> pd.DataFrame:
    """Of a pocket task."""
    entry, form = load_tasks(PROJECT / "config/tasks").entry(task)
    raw = pocket_table(task, entry.splits[split], rows, seed=SEED)
    return render_samples(task, entry, form, raw, split)


class PocketData:
    """What decoders learn from: `checkpoints` (n, size) and `prompts` of each task, `layout`, `adapter_config`."""

    def __init__(self, folder: Path, tasks: Sequence[str], rows: int = ROWS) -> None:
        for task in tasks:
            if not (folder / f"{task}.safetensors").is_file():
                _make(folder, task, rows)
        stored = {task: load_file(folder / f"{task}.safetensors") for task in tasks}
        header = read_json(folder / f"{tasks[0]}.json")
        self.layout, self.adapter_config = AdapterLayout.from_json(header["layout"]), header["adapter_config"]
        self.checkpoints: dict[str, Tensor] = {task: tensors["weights"] for task, tensors in stored.items()}
        length = EXPERIMENT["encoder"]["max_length"]
        self.prompts = {task: PromptStates(t["states"], t["offsets"], length) for task, t in stored.items()}


def _make(folder: Path, task: str, rows: int) -> None:
    table = samples(task, "train", rows)
    lora, config = (parse(c, EXPERIMENT[key]) for c, key in ((LoraSettings, "lora"), (FinetuneConfig, "finetune")))
    config = config.model_copy(update={"snapshots": min(int(config.snapshots), -(-rows // config.batch_size))})
    training = Training(BASE, lora, config, SEED, task, table)
    epochs = [training.run_epoch(epoch).snapshots for epoch in range(1, EXPERIMENT["checkpoints"]["epochs"] + 1)]
    chosen = select_prompts(table, EXPERIMENT["prompts"]["max_per_task"], SEED)["prompt"].tolist()
    length = EXPERIMENT["encoder"]["max_length"]
    states = PromptStates.from_states(load_encoder(encoder(length)).encode(chosen), length)
    weights = torch.cat([snapshots.weights for snapshots in epochs[EXPERIMENT["checkpoints"]["first_epoch"] - 1 :]])
    header = {"layout": training.layout.to_json(), "adapter_config": training.base.adapter_config}
    write_json(folder / f"{task}.json", header)
    save_file({"weights": weights, "states": states.flat, "offsets": states.offsets}, folder / f"{task}.safetensors")
