"""Training the decoder: prompt batches of a task in, weight tokens of the task's checkpoints out.

The recipe is that of Drag-and-Drop LLMs (arXiv 2506.16406, section 3; jerryliang24/Drag-and-Drop-LLMs, commit
60e2192); where paper and code differ, the configuration chooses.
"""

import math
from collections.abc import Iterable, Mapping
from functools import partial

import torch
from torch import Tensor

from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.batches import Batches, load_tasks
from p2w.generators.contract import Prompts
from p2w.generators.generation import stream
from p2w.generators.hyperconv import HyperConvDecoder, build_decoder
from p2w.generators.optimizers import (
    build_optimizer,
    convolution_precision,
    optimizer_tensors,
    restore_optimizer,
    set_learning_rate,
    update,
)
from p2w.generators.validation import KEY, BestState, is_due
from p2w.runtime.finite import check_gradients, check_weights
from p2w.runtime.memory import in_pieces_that_fit
from p2w.runtime.processes import ALONE, Processes
from p2w.runtime.progress import Report, silent
from p2w.runtime.resume import UNSAVED, SavedState, State, join_parts, split_parts

INIT = 0  # use of the seed for the decoder's first parameters; p2w/generators/batches.py has the others

Piece = tuple[Tensor, Tensor]  # conditions (b, N, L, C) and targets (b, T, R, W)


def lr_schedule(step: int, base: float, warmup_steps: int, total_steps: int) -> float:
    """Learning rate of a step (from 0): linear warm-up to `base`, then half a cosine towards 0 (official code)."""
    if step < warmup_steps:
        return base * (step + 1) / warmup_steps
    return base * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps))) / 2


def masked_weighted_mse(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight (T,) · (output - target)², both (B, T, R, W), where `target` is a number (decoderonly.py)."""
    known = ~target.isnan()
    error = torch.where(known, output - target.nan_to_num(), 0)
    return (error.square() * weight.view(-1, 1, 1)).sum() / known.sum()


def train_decoder(
    config: DecoderConfig,
    spec: WeightTokens,
    conditions: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    seed: int,
    device: torch.device | str = "cpu",
    report: Report = silent,
    processes: Processes = ALONE,
    saved: SavedState = UNSAVED,
) -> tuple[HyperConvDecoder, list[dict[str, float]]]:
    """Train on the given tasks; the same arguments give the same bits on the CPU.

    `conditions` are the encoded prompts of each task, on `device`; `checkpoints` its flat adapter weights (checkpoints,
    size), looked up one task at a time. `report` is called with (steps done, steps, note). The `processes` share every
    batch; each calls this function with the same arguments but `device`, and ends with the same decoder. Where an
    interrupted run of the same training left its state in `saved`, it goes on from there to the same bits.

    Raises ValueError: tasks, prompts or checkpoints that do not fit together; more processes than items of a batch;
    memory for less than one item. Raises FloatingPointError: a loss, gradient or weight that is not finite; names the
    step and the tensor.

    Returns:
        The decoder in evaluation mode, in its best state if it is validated, else in its last; and per step: step,
        loss, lr, grad_norm, and validation_loss where it was found.
    """
    own = processes.share(config.batch_size)
    tasks, weight = load_tasks(config, spec, conditions, checkpoints, device, seed)
    batches = Batches(config, tasks, seed, device, own)
    shapes = (batches.condition_shape, *config.shapes, spec.shape)
    decoder = build_decoder(shapes, config.kernel_size, stream(seed, INIT), device)
    training = DecoderTraining(config, decoder, batches, weight, processes)
    training.resume(saved)
    with convolution_precision(config.tf32):
        while len(training.rows) < config.steps:
            row = training.step()
            training.validate()
            saved.save_if_due(training.state)
            report(row["step"], config.steps, f"loss {row['loss']:.4g}")
    training.best.restore()
    return decoder.eval(), training.rows


class DecoderTraining:
    """A decoder, its optimizer and its batches between two steps."""

    def __init__(
        self, config: DecoderConfig, decoder: HyperConvDecoder, batches: Batches, weight: Tensor, processes: Processes
    ) -> None:
        self.config, self.decoder, self.batches = config, decoder, batches
        self.weight, self.processes = weight, processes
        self.parameters = dict(decoder.named_parameters())
        kind, rate = config.optimizer, config.learning_rate
        self.optimizer = build_optimizer(kind, self.parameters.values(), rate, config.weight_decay)
        self.at_once = config.micro_batch_size or len(batches.own)
        self.best = BestState(self.parameters)
        self.rows: list[dict[str, float]] = []

    def step(self) -> dict[str, float]:
        """One update; its row: loss before it and gradient norm before clipping are those of the whole batch."""
        config, number = self.config, len(self.rows)
        where, position = f"step {number + 1}", self.batches.position()
        lr = lr_schedule(number, config.learning_rate, config.warmup_steps, config.steps)
        set_learning_rate(self.optimizer, lr)
        compute = partial(self._gradients, position=position)
        loss, self.at_once = in_pieces_that_fit(self.at_once, compute, f"{where}, items")
        gradients = {name: parameter.grad for name, parameter in self.parameters.items()}
        self.processes.sum([loss, *gradients.values()])
        grad_norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), config.clip_norm).item()
        row = {"step": number + 1, "loss": loss.item(), "lr": lr, "grad_norm": grad_norm}
        check_gradients(where, row["loss"], grad_norm, gradients)
        update(self.optimizer, self.weight.device)
        self.optimizer.zero_grad(set_to_none=True)
        check_weights(where, self.parameters)
        self.rows.append(row)
        return row

    @torch.no_grad()
    def validate(self) -> None:
        """Where it is due: the mean over the tasks of the error on what was kept apart, one condition of these prompts
        each, repeated where they are too few, and the mean of these checkpoints."""
        if not self.config.validation or not is_due(len(self.rows), self.config.steps):
            return
        total = 0.0
        for prompts, target in (task.apart for task in self.batches.tasks if task.apart):
            chosen = torch.arange(self.config.num_prompts, device=self.weight.device) % len(prompts)
            piece = prompts.gather(chosen)[None], target[None].to(self.weight.device)
            total += _error(self.config, self.decoder, piece, self.weight).item()
        self.rows[-1][KEY] = total / len(self.batches.tasks)
        self.best.offer(self.rows[-1][KEY])

    def _gradients(self, size: int, position: Mapping[str, Tensor]) -> Tensor:
        """Leave the gradients of this process's items of the next batch in the parameters; their loss ()."""
        self.optimizer.zero_grad(set_to_none=True)
        self.batches.seek(position)
        return accumulate_gradients(self.config, self.decoder, self.batches.next(size), self.weight)

    def state(self) -> State:
        """All that the steps to come depend on."""
        parts = {
            "decoder": self.parameters,
            "best": self.best.kept,
            "optimizer": optimizer_tensors(self.optimizer),
            "random": self.batches.position(),
        }
        return join_parts(parts), {"rows": self.rows}

    def resume(self, saved: SavedState) -> None:
        """Take up what an interrupted run of the same training saved, if anything."""
        if found := saved.load():
            parts = split_parts(found[0])
            restore_optimizer(self.optimizer, parts["optimizer"], self.weight.device)
            self.decoder.load_state_dict(parts["decoder"], strict=True)
            self.batches.seek(parts["random"])
            self.rows = found[1]["rows"]
            self.best.resume(parts.get("best", {}), self.rows)


def accumulate_gradients(
    config: DecoderConfig, decoder: HyperConvDecoder, pieces: Iterable[Piece], weight: Tensor
) -> Tensor:
    """Add to the decoder's gradients those of a batch that comes in pieces, of it all or of a share; their loss ()."""
    loss = torch.zeros((), device=weight.device)
    for piece in pieces:
        loss += _backward(config, decoder, piece, weight)
        del piece  # before the next one is made
    return loss


def _backward(config: DecoderConfig, decoder: HyperConvDecoder, piece: Piece, weight: Tensor) -> Tensor:
    """Add the gradient of a piece's part of the batch loss; that part."""
    # No target has a NaN, so every item has as many values as any other, and counts alike.
    loss = _error(config, decoder, piece, weight) * (len(piece[0]) / config.batch_size)
    loss.backward()
    return loss.detach()


def _error(config: DecoderConfig, decoder: HyperConvDecoder, piece: Piece, weight: Tensor) -> Tensor:
    condition, target = piece
    with torch.autocast(condition.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        output = decoder(condition, config.activation_checkpointing)
    return masked_weighted_mse(output.float(), target, weight)
