"""Training the adapter of a task: one epoch over its samples after the other, and the state between them."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from transformers import PreTrainedModel

from p2w.adapters.epoch_files import STATE_FILE, Epoch, SnapshotHeader, Snapshots
from p2w.adapters.peft_folder import read_adapter
from p2w.base.chat import IGNORED, pad_id, supervised_batch
from p2w.base.last_layer import window
from p2w.base.shared_prefix import states_after
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.finetuning.adapted_base import AdaptedBase, keep_less, load_adapted
from p2w.finetuning.batches import encode_samples, epoch_batches, micro_batches, prefix_to_share, select_samples
from p2w.runtime.finite import check_gradients, check_weights
from p2w.runtime.global_random import random_state, seeded, set_random_state
from p2w.runtime.memory import in_pieces_that_fit
from p2w.runtime.progress import Report, silent
from p2w.runtime.resume import UNSAVED, SavedState, State, join_parts, split_parts
from p2w.runtime.tensor_files import read_tensors

MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW remembers of a parameter, besides the step


class Training:
    """A model, its adapter, its optimizer and its samples; epochs are run one after the other."""

    def __init__(
        self,
        base: BaseModel,
        lora: LoraSettings,
        config: FinetuneConfig,
        seed: int,
        task: str,
        samples: pd.DataFrame,
        device: torch.device | str = "cpu",
        adapted: AdaptedBase | None = None,
    ) -> None:
        chosen = select_samples(task, samples, config.max_samples, seed)
        self.task, self.seed, self.config, self.device = task, seed, config, torch.device(device)
        self.base = adapted or load_adapted(base, lora, self.device)
        self.encoded = encode_samples(task, self.base.tokenizer, chosen, config.max_length)
        self.pad_id = pad_id(self.base.tokenizer)
        if config.activation_checkpointing:
            keep_less(self.base.model)
        self.parameters = self.base.new_adapter(lora.init_seed)
        self.layout = self.base.layout
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), config.learning_rate, config.betas, weight_decay=config.weight_decay, fused=True
        )
        self.step = 0
        self.at_once = config.micro_batch_size or config.batch_size
        self.losses: list[list[float]] = []  # of every step, by epoch
        self.weights: list[Tensor] = []  # of the snapshots in the last epoch
        self.random: dict[str, Tensor] | None = None  # what dropout draws from when the last epoch is to go on
        parts = {"base_model": base.to_json(), "lora": lora.to_json(), "finetune": config.to_json()}
        self.settings: dict[str, Any] = {"task": task, "seed": seed, **parts}

    def run_epoch(self, epoch: int, report: Report = silent, saved: SavedState = UNSAVED) -> Epoch:
        """Train on every sample once, or on as many as `steps_per_epoch` allows, in the order of (seed, epoch)."""
        batches = epoch_batches(len(self.encoded), self.config.batch_size, self.seed, epoch)
        batches = batches[: self.config.steps_per_epoch]
        due = self.config.snapshot_steps(len(batches))
        with seeded(self.seed, epoch, self.device):
            losses = self._start_or_resume()
            for number, batch in enumerate(batches[len(losses) :], len(losses) + 1):
                losses.append(self._train_step(batch, epoch))
                if number in due:
                    self.weights.append(self.layout.flatten(self.parameters).detach().cpu())
                saved.save_if_due(self._state_inside)
                report(number, len(batches), f"{self.task} epoch {epoch} loss {losses[-1]:.4f}")
        first = self.step - len(batches)
        header = SnapshotHeader(self.task, epoch, self.seed, self.layout, self.base.adapter_config)
        means = [float(np.mean(losses[start:end])) for start, end in zip([0, *due], due, strict=False)]
        steps = torch.tensor([first + number for number in due])
        snapshots = Snapshots(header, steps, torch.tensor(means), torch.stack(self.weights))
        return Epoch(snapshots, losses, self._state(), self.settings)

    def load_epoch(self, folder: Path, epoch: int) -> None:
        """Continue where the folder of `epoch` ended; ValueError when it is another epoch or has other settings."""
        state, metadata = read_tensors(folder / STATE_FILE, keys=("epoch", "settings", "step"))
        found, expected = {**metadata["settings"], "epoch": metadata["epoch"]}, {**self.settings, "epoch": epoch}
        for name, value in expected.items():
            if found.get(name) != value:
                raise ValueError(f"{folder}: {name}: found {found.get(name)!r}, expected {value!r}")
        tensors, _ = read_adapter(folder)
        self.layout.flatten(tensors)  # the same names and shapes, or an error that says what differs
        self._restore(tensors, state, metadata["step"])

    def resume(self, saved: SavedState) -> None:
        """Take up what an interrupted run of the same training saved, if anything; its last epoch is to go on."""
        if found := saved.load():
            parts, values = split_parts(found[0]), found[1]
            self._restore(parts["adapter"], parts["optimizer"], values["step"])
            self.losses, self.random = values["losses"], parts["random"]
            self.weights = list(parts.get("snapshots", {}).values())

    def identity(self) -> dict[str, Any]:
        """What a saved state of this training belongs to, besides code, libraries and the base model's files."""
        return {"settings": self.settings, "samples": self.encoded.fingerprint(), "device": self.device.type}

    def _start_or_resume(self) -> list[float]:
        """The losses of the epoch so far."""
        if self.random is None:
            self.losses.append([])
            self.weights = []
        else:
            set_random_state(self.random, self.device)
            self.random = None
        return self.losses[-1]

    def _restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor], step: int) -> None:
        self.step = step
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[name])
        moments = {
            index: {"step": torch.tensor(float(step)), **{key: state[f"{name}.{key}"] for key in MOMENTS}}
            for index, name in enumerate(self.parameters)
        }
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})

    def _state(self) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": self.optimizer.state[parameter][key].detach().cpu().clone()
            for name, parameter in self.parameters.items()
            for key in MOMENTS
        }

    def _state_inside(self) -> State:
        """All that the rest of the epoch depends on."""
        parts = {
            "adapter": self.parameters,
            "optimizer": self._state(),
            "random": random_state(self.device),
            "snapshots": {f"{number:06}": weights for number, weights in enumerate(self.weights)},
        }
        return join_parts(parts), {"step": self.step, "losses": self.losses}

    def _train_step(self, batch: Sequence[int], epoch: int) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(self.step)
        self.step += 1
        where, random = f"{self.task}, step {self.step} (epoch {epoch})", random_state(self.device)
        compute = partial(self._gradients, batch, random=random)
        loss, self.at_once = in_pieces_that_fit(self.at_once, compute, f"{where}, samples")
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip_norm).item()
        check_gradients(where, loss, norm, {name: p.grad for name, p in self.parameters.items() if p.grad is not None})
        self.optimizer.step()
        self.optimizer.zero_grad()
        check_weights(where, self.parameters)
        return loss

    def _gradients(self, batch: Sequence[int], size: int, random: Mapping[str, Tensor]) -> float:
        """Leave the batch's gradients, computed `size` samples at once, in the parameters; its loss."""
        self.optimizer.zero_grad()
        set_random_state(random, self.device)
        tokens = sum(len(self.encoded.responses[index]) for index in batch)
        total = 0.0
        for piece in micro_batches(self.encoded, batch, size, self.config.micro_batch_tokens):
            # Backward, too: where less is kept, layers are computed once more.
            with self.base.with_adapter(self.parameters):
                loss = self._loss(piece) / tokens
                loss.backward()
            total += loss.item()
        return total

    def _loss(self, piece: Sequence[int]) -> Tensor:
        prompts, responses = ([rows[i] for i in piece] for rows in (self.encoded.prompts, self.encoded.responses))
        batch = supervised_batch(prompts, responses, self.pad_id)
        shared = prefix_to_share(prompts) if self.config.shared_prefix else 0
        drawn = self.base.adapter_config["lora_dropout"] > 0  # for every position, whether it is read or not
        return response_loss(self.base.model, batch["input_ids"], batch["labels"], self.device, shared, whole=drawn)


def response_loss(
    model: PreTrainedModel,
    input_ids: Tensor,
    labels: Tensor,
    device: torch.device | str,
    shared: int = 0,
    whole: bool = False,
) -> Tensor:
    """Cross-entropy summed over the positions whose next token is a label; only these get logits.

    `labels` (N, L), on the CPU, are IGNORED where there is no loss; `input_ids` (N, L) are right-padded. No attention
    mask: in a causal model nothing looks at padding on its right, and without one attention takes its fast path. The
    first `shared` tokens are the same in every row and predict no label: they are computed once. Unless it is the
    `whole`, the last layer computes no more than these positions need.
    """
    predicting = pad(labels[:, 1:] != IGNORED, (0, 1))[:, shared:]  # of the hidden states that come after the shared
    rows, columns = predicting.nonzero(as_tuple=True)
    targets = labels[rows, columns + shared + 1].to(device)
    read = None if whole else window(predicting.to(device))
    hidden = states_after(model, input_ids.to(device), shared, read)
    logits = model.get_output_embeddings()(hidden[rows.to(device), columns.to(device)])
    return cross_entropy(logits.float(), targets, reduction="sum")
