"""What a computation costs: floating-point operations from shapes, the machine's peak, seconds, memory."""

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from transformers import PretrainedConfig

T = TypeVar("T")
Shape = tuple[int, int, int]

LONGEST = 1.0  # seconds of an operation that the machine's peak is looked for with


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


def compute_peak(device: torch.device, dtype: torch.dtype, repeats: int = 7) -> float:
    """TFLOP/s of the best of several operations, each some times: what is to be a floor, nothing may be faster than.

    A convolution counts by its definition, however the library computes it (Winograd's way takes fewer products). What
    would take longer than `LONGEST` at the best speed so far is left out: a processor without instructions for bfloat16
    needs minutes for the largest product, and is not faster in it.
    """
    best = 0.0
    for flops, run in list(operations(device, dtype)) * repeats:
        if flops <= best * LONGEST or not best:
            best = max(best, flops / timed(run, device)[1])
    return best / 1e12


def operations(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[float, Callable[[], Tensor]]]:
    """Products of square and of long matrices, of many small ones, a convolution; the operations of each."""

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, device=device).to(dtype)

    for n in (4096, 8192) if device.type == "cuda" else (512, 1024, 2048):
        yield 2 * n**3, partial(torch.mm, random(n, n), random(n, n))
    scale = 8 if device.type == "cuda" else 1
    rows, inner, columns = 4096 * scale, 256 * scale, 1024 * scale
    yield 2 * rows * inner * columns, partial(torch.mm, random(rows, inner), random(inner, columns))
    yield 2 * 32 * (256 * scale) ** 3, partial(torch.bmm, *(random(32, 256 * scale, 256 * scale) for _ in range(2)))
    channels, side, images = 64, 64, 4 * scale
    convolution = partial(conv2d, random(images, channels, side, side), random(channels, channels, 3, 3), padding=1)
    yield 2 * images * side**2 * channels**2 * 9, convolution


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
