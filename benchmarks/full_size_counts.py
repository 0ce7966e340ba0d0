"""What a computation costs: floating-point operations from shapes, the peak of a matrix product, seconds, memory."""

import resource
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from transformers import PretrainedConfig

T = TypeVar("T")
Shape = tuple[int, int, int]


def decoder_flops(shapes: Sequence[Shape], kernel_size: int) -> int:
    """Of one forward pass of one item: 2 · k² · in · out · positions for every convolution, a multiply-add being two.

    A block (C, H, W) -> (C', H', W') has five: width and height in both orders, then the channels.
    """
    total = 0
    for (C, H, W), (out_C, out_H, out_W) in pairwise(shapes):
        width_first = W * out_W * H * C + H * out_H * C * out_W
        height_first = H * out_H * C * W + W * out_W * out_H * C
        total += width_first + height_first + C * out_C * out_H * out_W
    return 2 * kernel_size**2 * total


def model_flops(config: PretrainedConfig, lengths: Sequence[int], logits: int) -> int:
    """Of one forward pass over sequences of these lengths, with logits at so many positions.

    2 per weight of a linear layer and token, 4 · hidden · L / 2 per token and layer for causal attention.
    """
    hidden, heads = config.hidden_size, config.num_attention_heads
    keys = hidden * config.num_key_value_heads // heads
    layer = 2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * config.intermediate_size
    tokens, squares = sum(lengths), sum(length**2 for length in lengths)
    layers = config.num_hidden_layers * (2 * layer * tokens + 2 * hidden * squares)
    return layers + 2 * hidden * config.vocab_size * logits


def matmul_peak(device: torch.device, dtype: torch.dtype) -> float:
    """TFLOP/s of the best of some products of two square matrices."""
    n, repeats = (8192, 20) if device.type == "cuda" else (1024, 5)
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    return max(2 * n**3 / timed(lambda: a @ b, device)[1] for _ in range(repeats)) / 1e12


def timed(compute: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """What `compute` returns, and its seconds."""
    synchronize(device)
    start = time.perf_counter()
    result = compute()
    synchronize(device)
    return result, time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> dict[str, float]:
    """GB (10⁹ bytes) so far: of tensors on the GPU, and of this process outside it."""
    found = {"host_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}
    if device.type == "cuda":
        found |= {"gpu_gb": torch.cuda.max_memory_allocated() / 1e9}
        found |= {"gpu_reserved_gb": torch.cuda.max_memory_reserved() / 1e9}
    return found


class Steps:
    """A progress report that notes when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, _done: int, _total: int, _note: str) -> None:
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Mean of a step; the first, which also prepares, is left out."""
        return (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1)
