"""What adapters do: the loss of their tasks' labelled samples through the frozen base model, and its exact gradient.

Several generated adapters work side by side on blocks of one batch, so the base model's own products are taken once.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from p2w.adapters.layout import AdapterLayout
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import pad_id, supervised_batch
from p2w.base.lora_stack import Factors, LoraStack, scaling
from p2w.base.token_batches import OWN_COST, pieces
from p2w.config.base_model import BaseModel
from p2w.data.samples import read_samples
from p2w.finetuning.batches import Encoded, encode_samples, select_samples
from p2w.finetuning.training import response_loss


def factors(layout: AdapterLayout, flat: Tensor) -> Factors:
    """K adapters (K, size) as views by module; gradients go through."""
    pieces = zip(layout.names, layout.shapes, layout.split(flat), strict=True)
    matrices = {name: piece.unflatten(-1, shape) for name, shape, piece in pieces}
    modules = dict.fromkeys(name.rsplit(".lora_", 1)[0] for name in layout.names)
    return {name: (matrices[f"{name}.lora_A.weight"], matrices[f"{name}.lora_B.weight"]) for name in modules}


def encode_tasks(
    base: BaseModel, sample_paths: Mapping[str, Path], most: int, max_length: int, seed: int
) -> dict[str, Encoded]:
    """At most so many labelled samples of every task, as tokens; ValueError when one is longer than `max_length`."""
    tokenizer, found = load_tokenizer(base), {}
    for task, path in sorted(sample_paths.items()):
        found[task] = encode_samples(task, tokenizer, select_samples(task, read_samples(path), most, seed), max_length)
    return found


class TaskLoss:
    """The base model with the labelled samples of the training tasks.

    Args:
        model: the base model, frozen; not changed.
        layout: what flat weights are.
        scale: the factor of the low-rank term, see `p2w.base.lora_stack.scaling`.
        encoded: samples by task.
        pad_id: token that fills a batch.
    """

    def __init__(
        self, model: PreTrainedModel, layout: AdapterLayout, scale: float, encoded: Mapping[str, Encoded], pad_id: int
    ) -> None:
        self.model, self.layout, self.scale, self.encoded, self.pad_id = model, layout, scale, encoded, pad_id

    @classmethod
    def of(
        cls,
        base: BaseModel,
        layout: AdapterLayout,
        adapter_config: Mapping[str, Any],
        encoded: Mapping[str, Encoded],
        device: torch.device,
    ) -> "TaskLoss":
        """With the base model from where it is."""
        return cls(load_model(base, device), layout, scaling(adapter_config), encoded, pad_id(load_tokenizer(base)))

    def __call__(self, flat: Tensor, rows: Mapping[str, Sequence[int]]) -> Tensor:
        """Mean cross-entropy () over the response tokens of K tasks' rows, as many of each, under an adapter each.

        Rows of like length are computed together, in pieces with as many of each task.

        `flat` (K, size) are the adapters in the order of `rows`. Raises ValueError: another number of adapters than
        of tasks, or of rows by task.
        """
        counts = {len(chosen) for chosen in rows.values()}
        if len(flat) != len(rows) or len(counts) != 1:
            found = f"{len(flat)} adapters, {len(rows)} tasks with {sorted(counts)} rows"
            raise ValueError(f"task loss: found {found}, expected an adapter for each task and as many rows of each")
        by_length = {task: sorted(own, key=self.encoded[task].length) for task, own in rows.items()}
        lengths = [[self.encoded[task].length(row) for row in own] for task, own in by_length.items()]
        longest = dict(enumerate(map(max, zip(*lengths, strict=True))))
        total, tokens = flat.new_zeros(()), 0
        with LoraStack.of_factors(self.model, factors(self.layout, flat), self.scale).active():
            for piece in pieces(longest, math.inf, OWN_COST // len(rows)):
                chosen = [(self.encoded[task], own[place]) for task, own in by_length.items() for place in piece]
                responses = [encoded.responses[row] for encoded, row in chosen]
                batch = supervised_batch([encoded.prompts[row] for encoded, row in chosen], responses, self.pad_id)
                total = total + response_loss(self.model, batch["input_ids"], batch["labels"], flat.device)
                tokens += sum(map(len, responses))
        return total / tokens
