"""An epoch of LoRA fine-tuning by transformers' Trainer on a PEFT model, beside P2W's."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from peer import Peer
from peft import get_peft_model, set_peft_model_state_dict
from transformers import DataCollatorForSeq2Seq, PrinterCallback, Trainer, TrainingArguments

from p2w.adapters.peft_folder import peft_config
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import IGNORED
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.finetuning.batches import epoch_batches
from p2w.finetuning.training import Training

LORA = LoraSettings(rank=4, alpha=8)
RATE = 1e-3
MICRO_BATCH_TOKENS = 2048  # at most, in rows of like length: where lengths differ, pieces are smaller


def trainer(training: Training, base: BaseModel, batch: int, sampling: str, attention: str, place: Path) -> Trainer:
    """A Trainer with our start, our rows in the order of our first epoch, and the same optimizer."""
    plain = load_model(base)
    plain.set_attn_implementation(attention)  # ours has its own
    model = get_peft_model(plain, peft_config(LORA, base.name, None))
    set_peft_model_state_dict(model, {f"base_model.model.{name}": p for name, p in training.parameters.items()})
    encoded = training.encoded
    order = [index for chosen in epoch_batches(len(encoded), batch, training.seed, 1) for index in chosen]
    rows = [
        {
            "input_ids": encoded.prompts[i] + encoded.responses[i],
            "labels": [IGNORED] * len(encoded.prompts[i]) + encoded.responses[i],
        }
        for i in order
    ]
    half = base.dtype == "bfloat16"
    options = TrainingArguments(
        **{"output_dir": str(place / sampling), "per_device_train_batch_size": batch, "num_train_epochs": 1},
        **{"learning_rate": RATE, "lr_scheduler_type": "constant", "weight_decay": 0.0, "bf16": half, "use_cpu": True},
        **{"train_sampling_strategy": sampling, "logging_steps": 1, "save_strategy": "no", "report_to": "none"},
        **{"disable_tqdm": True, "optim": "adamw_torch_fused"},
    )
    pad = DataCollatorForSeq2Seq(load_tokenizer(base), label_pad_token_id=IGNORED)
    made = Trainer(model=model, args=options, train_dataset=rows, data_collator=pad)
    made.remove_callback(PrinterCallback)
    return made


def train(by: Trainer) -> list[float]:
    """An epoch; the losses of its steps."""
    by.state.log_history.clear()
    by.train()
    return [entry["loss"] for entry in by.state.log_history if "loss" in entry]


def finetuning(base: BaseModel, samples: pd.DataFrame, args: argparse.Namespace) -> Peer:
    """Ours in pieces, and with the common prefix computed once, against the Trainer in our order and by length."""
    config = {"max_samples": args.rows, "batch_size": args.batch, "learning_rate": RATE}
    config["micro_batch_tokens"] = MICRO_BATCH_TOKENS
    configs = [FinetuneConfig(**config, shared_prefix=shared) for shared in (False, True)]
    ours, once = (Training(base, LORA, config, 0, "peers", samples) for config in configs)
    orders = ("sequential", "group_by_length")
    others = {name: trainer(ours, base, args.batch, name, args.attention, args.place) for name in orders}
    first: dict[str, list[float]] = {}

    def remembered(name: str, losses: list[float]) -> list[float]:
        return first.setdefault(name, losses)

    ways = {name: lambda name=name, by=by: remembered(name, train(by)) for name, by in others.items()}
    ways |= {"ours": lambda: remembered("ours", ours.run_epoch(1).losses)}
    ways |= {"shared": lambda: remembered("shared", once.run_epoch(1).losses)}

    def compare(_: Mapping[str, Any]) -> dict[str, Any]:
        tokens = sum(ours.encoded.length(index) for index in range(len(ours.encoded)))
        return {"first_epoch_losses": first, "tokens": tokens}

    claims = [
        ("an epoch of fine-tuning, against Trainer and PEFT", ("ours", "sequential"), 1, 1),
        ("the same, against Trainer with rows of like length together", ("ours", "group_by_length"), 1, 1),
        ("the same with what samples begin with computed once, against Trainer", ("shared", "sequential"), 2, 1),
    ]
    return Peer(ways, claims, compare, warm_up=False)
