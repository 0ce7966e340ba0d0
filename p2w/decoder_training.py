"""Training the decoder: prompt batches of a task in, weight tokens of the task's checkpoints out.

The recipe is that of Drag-and-Drop LLMs (arXiv 2506.16406, section 3; jerryliang24/Drag-and-Drop-LLMs, commit
60e2192); where paper and code differ, the configuration chooses.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from p2w.decoder import HyperConvDecoder, build_decoder, check_kernel_size, check_shapes
from p2w.generation import Prompts, pick_prompts, stream
from p2w.progress import Report, silent
from p2w.weight_tokens import Scales, WeightTokens, token_weight

INIT, ITEMS, NOISE = range(3)  # uses of the seed


@dataclass(frozen=True)
class DecoderConfig:
    """How a decoder is built and trained.

    `shapes` are the (C, H, W) between the condition (num_prompts, length, dim) and the weight tokens (T, R, W), which
    follow from the encoder and the adapters. `loss` "weighted" is the code's, by token weight; "plain" the paper's.
    `pairing` "random" takes one of the task's checkpoints per item, "expected" the mean of their tokens.
    """

    num_prompts: int
    shapes: tuple[tuple[int, int, int], ...]
    kernel_size: int
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.1
    warmup_steps: int = 1
    clip_norm: float = 1.0
    condition_noise: float = 1e-4
    weight_noise: float = 1e-5
    loss: Literal["weighted", "plain"] = "weighted"
    pairing: Literal["random", "expected"] = "random"
    scales: Scales = "published"
    token_width: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        check_shapes(self.shapes)
        check_kernel_size(self.kernel_size)
        for name in ("num_prompts", "steps", "batch_size", "learning_rate", "clip_norm"):
            self._check(name, getattr(self, name) > 0, "a positive number")
        for name in ("weight_decay", "warmup_steps", "condition_noise", "weight_noise", "token_width"):
            self._check(name, getattr(self, name) >= 0, "zero or more")
        self._check("warmup_steps", self.warmup_steps <= self.steps, f"at most the {self.steps} steps")
        for name, choices in (("loss", ("weighted", "plain")), ("pairing", ("random", "expected")),
                              ("scales", ("published", "log")), ("precision", ("float32", "bfloat16"))):  # fmt: skip
            self._check(name, getattr(self, name) in choices, f"one of {', '.join(map(repr, choices))}")

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(f"{name}: found {getattr(self, name)!r}, expected {expected}")


def lr_schedule(step: int, base: float, warmup_steps: int, total_steps: int) -> float:
    """Learning rate of a step (from 0): linear warm-up to `base`, then half a cosine towards 0 (official code)."""
    if step < warmup_steps:
        return base * (step + 1) / warmup_steps
    return base * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps))) / 2


def masked_weighted_mse(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean of weight · (output - target)² over the places where `target` is a number (official decoderonly.py).

    Args:
        output, target: (B, T, R, W).
        weight: (T,).
    """
    known = ~target.isnan()
    error = torch.where(known, output - target.nan_to_num(), 0)
    return (error.square() * weight.view(-1, 1, 1)).sum() / known.sum()


@dataclass(frozen=True)
class TaskData:
    """One training task: its prompts and its targets (checkpoints or 1, T, R, W)."""

    name: str
    prompts: Prompts
    targets: Tensor


def train_decoder(
    config: DecoderConfig,
    spec: WeightTokens,
    conditions: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    seed: int,
    device: torch.device | str = "cpu",
    report: Report = silent,
) -> tuple[HyperConvDecoder, list[dict[str, float]]]:
    """Train on the given tasks; the same arguments give the same bits on the CPU.

    Args:
        conditions: the encoded prompts of each task, on `device`.
        checkpoints: flat adapter weights (checkpoints, size) of each task.
        report: called with (steps done, steps, note).

    Returns:
        The decoder in evaluation mode, and per step: step, loss, lr, grad_norm, seconds since the start.

    Raises:
        ValueError: tasks, prompts or checkpoints that do not fit together.
        FloatingPointError: a loss or gradient that is not finite; names the step.
    """
    tasks, weight = _prepare(config, spec, conditions, checkpoints, device)
    probe = tasks[0].prompts.gather(torch.zeros(1, dtype=torch.int64, device=device))
    shapes = ((config.num_prompts, *probe.shape[1:]), *config.shapes, spec.shape)
    decoder = build_decoder(shapes, config.kernel_size, stream(seed, INIT), device)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    batches = _Batches(config, tasks, seed, device)
    rows, start = [], time.perf_counter()
    for step in range(config.steps):
        lr = lr_schedule(step, config.learning_rate, config.warmup_steps, config.steps)
        loss, grad_norm = _step(config, decoder, optimizer, lr, batches.next(), weight, step)
        seconds = round(time.perf_counter() - start, 3)
        rows.append({"step": step + 1, "loss": loss, "lr": lr, "grad_norm": grad_norm, "seconds": seconds})
        report(step + 1, config.steps, f"loss {loss:.4g}")
    return decoder.eval(), rows


def _prepare(
    config: DecoderConfig,
    spec: WeightTokens,
    conditions: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    device: torch.device | str,
) -> tuple[list[TaskData], Tensor]:
    _check_tasks(config.num_prompts, conditions, checkpoints)
    tokens = {task: spec.tokenize(checkpoints[task].to(device)) for task in sorted(checkpoints)}
    weighted = config.loss == "weighted"
    weight = token_weight(tokens.values()) if weighted else torch.ones(spec.num_tokens, device=device)
    if config.pairing == "expected":
        tokens = {task: value.mean(dim=0, keepdim=True) for task, value in tokens.items()}
    return [TaskData(task, conditions[task], value) for task, value in tokens.items()], weight


def _check_tasks(num_prompts: int, conditions: Mapping[str, Prompts], checkpoints: Mapping[str, Tensor]) -> None:
    if not checkpoints or set(conditions) != set(checkpoints):
        raise ValueError(f"training tasks: found prompts of {sorted(conditions)}, expected {sorted(checkpoints)}")
    for task, flat in checkpoints.items():
        if len(conditions[task]) < num_prompts:
            raise ValueError(f"{task}: found {len(conditions[task])} prompts, expected {num_prompts} or more")
        # The loss leaves out targets that are NaN, so a broken checkpoint would pass unseen.
        if bad := int((~flat.isfinite()).sum()):
            raise ValueError(f"checkpoints of {task}: found {bad} values that are not finite, expected none")


class _Batches:
    """Random batches; every item is a task, fresh prompts of it, and one of its targets."""

    def __init__(self, config: DecoderConfig, tasks: list[TaskData], seed: int, device: torch.device | str) -> None:
        self.config, self.tasks, self.device = config, tasks, device
        # Choices are made on the CPU, so that they are the same on every device.
        self.items = Generator().manual_seed(stream(seed, ITEMS))
        self.noise = Generator(device).manual_seed(stream(seed, NOISE))

    def next(self) -> tuple[Tensor, Tensor]:
        """Conditions (B, N, L, C) and targets (B, T, R, W)."""
        conditions, targets = zip(*(self._item() for _ in range(self.config.batch_size)), strict=True)
        noisy = self._noisy(torch.stack(conditions), self.config.condition_noise)
        return noisy, self._noisy(torch.stack(targets), self.config.weight_noise)

    def _item(self) -> tuple[Tensor, Tensor]:
        task = self.tasks[self._choose(len(self.tasks))]
        chosen = pick_prompts(len(task.prompts), self.config.num_prompts, self.items, task.name)
        return task.prompts.gather(chosen.to(self.device)), task.targets[self._choose(len(task.targets))]

    def _choose(self, count: int) -> int:
        return int(torch.randint(count, (1,), generator=self.items))

    def _noisy(self, x: Tensor, scale: float) -> Tensor:
        return x + scale * torch.randn(x.shape, generator=self.noise, device=x.device)


def _step(
    config: DecoderConfig,
    decoder: HyperConvDecoder,
    optimizer: torch.optim.Optimizer,
    lr: float,
    batch: tuple[Tensor, Tensor],
    weight: Tensor,
    step: int,
) -> tuple[float, float]:
    """One update; the loss before it and the gradient norm before clipping."""
    condition, target = batch
    for group in optimizer.param_groups:
        group["lr"] = lr
    with torch.autocast(condition.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        output = decoder(condition)
    loss = masked_weighted_mse(output.float(), target, weight)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    grad_norm = torch.nn.utils.clip_grad_norm_(decoder.parameters(), config.clip_norm)
    if not (loss.isfinite() and grad_norm.isfinite()):
        raise FloatingPointError(f"step {step + 1}: found loss {loss.item()} and gradient norm {grad_norm.item()}")
    optimizer.step()
    return loss.item(), grad_norm.item()
