"""Training the decoder: prompt batches of a task in, weight tokens of the task's checkpoints out.

The recipe is that of Drag-and-Drop LLMs (arXiv 2506.16406, section 3; jerryliang24/Drag-and-Drop-LLMs, commit
60e2192); where paper and code differ, the configuration chooses.
"""

import math
import time
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from p2w.decoder import HyperConvDecoder, build_decoder
from p2w.decoder_batches import Batches, load_tasks
from p2w.decoder_config import DecoderConfig
from p2w.generation import Prompts, stream
from p2w.optimizers import build_optimizer, convolution_precision, set_learning_rate, update
from p2w.processes import ALONE, Processes
from p2w.progress import Report, silent
from p2w.weight_tokens import WeightTokens

INIT = 0  # use of the seed for the decoder's first parameters; p2w/decoder_batches.py has the others

Piece = tuple[Tensor, Tensor]  # conditions (b, N, L, C) and targets (b, T, R, W)


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


def train_decoder(
    config: DecoderConfig,
    spec: WeightTokens,
    conditions: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    seed: int,
    device: torch.device | str = "cpu",
    report: Report = silent,
    processes: Processes = ALONE,
) -> tuple[HyperConvDecoder, list[dict[str, float]]]:
    """Train on the given tasks; the same arguments give the same bits on the CPU.

    Args:
        conditions: the encoded prompts of each task, on `device`.
        checkpoints: flat adapter weights (checkpoints, size) of each task; looked up one task at a time.
        report: called with (steps done, steps, note).
        processes: those that share every batch; each calls this function with the same arguments but `device`, and
            ends with the same decoder.

    Returns:
        The decoder in evaluation mode, and per step: step, loss, lr, grad_norm, seconds since the start.

    Raises:
        ValueError: tasks, prompts or checkpoints that do not fit together; more processes than items of a batch.
        FloatingPointError: a loss or gradient that is not finite; names the step.
    """
    own = processes.share(config.batch_size)
    tasks, weight = load_tasks(config, spec, conditions, checkpoints, device)
    batches = Batches(config, tasks, seed, device, own)
    shapes = (batches.condition_shape, *config.shapes, spec.shape)
    decoder = build_decoder(shapes, config.kernel_size, stream(seed, INIT), device)
    optimizer = build_optimizer(config.optimizer, decoder.parameters(), config.learning_rate, config.weight_decay)
    rows, start = [], time.perf_counter()
    with convolution_precision(config.tf32):
        for step in range(config.steps):
            lr = lr_schedule(step, config.learning_rate, config.warmup_steps, config.steps)
            set_learning_rate(optimizer, lr)
            loss, grad_norm = _step(config, decoder, optimizer, batches.next(), weight, processes, step)
            seconds = round(time.perf_counter() - start, 3)
            rows.append({"step": step + 1, "loss": loss, "lr": lr, "grad_norm": grad_norm, "seconds": seconds})
            report(step + 1, config.steps, f"loss {loss:.4g}")
    return decoder.eval(), rows


def _step(
    config: DecoderConfig,
    decoder: HyperConvDecoder,
    optimizer: Optimizer,
    pieces: Iterable[Piece],
    weight: Tensor,
    processes: Processes,
    step: int,
) -> tuple[float, float]:
    """One update; the loss before it and the gradient norm before clipping, both of the whole batch."""
    loss = accumulate_gradients(config, decoder, pieces, weight)
    processes.sum([loss, *(parameter.grad for parameter in decoder.parameters())])
    grad_norm = torch.nn.utils.clip_grad_norm_(decoder.parameters(), config.clip_norm)
    if not (loss.isfinite() and grad_norm.isfinite()):
        raise FloatingPointError(f"step {step + 1}: found loss {loss.item()} and gradient norm {grad_norm.item()}")
    update(optimizer, weight.device)
    optimizer.zero_grad(set_to_none=True)
    return loss.item(), grad_norm.item()


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
    condition, target = piece
    with torch.autocast(condition.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        output = decoder(condition, config.activation_checkpointing)
    # No target has a NaN, so every item has as many values as any other, and counts alike.
    share = len(condition) / config.batch_size
    loss = masked_weighted_mse(output.float(), target, weight) * share
    loss.backward()
    return loss.detach()
