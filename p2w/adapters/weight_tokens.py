"""An adapter as weight tokens, matrices of equal size with their scales beside them, and back.

The chunks and the published form of the scales are those of the official tokenizer
(jerryliang24/Drag-and-Drop-LLMs, commit 60e2192, workspace/dnd/tokenizer/tokenizer.py). Statistics are in float32.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.config.decoder import Scales

MARGIN = 2  # rows and columns added to a chunk, filled with copies of its mean and standard deviation

# Chosen by us for `log`: a lightly trained B has a standard deviation near exp(-5), so its scale starts near zero;
# the epsilon keeps an untrained B (all zeros) finite. The mean is in units of the deviation. A decoder's error is then
# relative to its chunk; in the published form an error of 0.03 is one of 0.003, as large as the deviation of such a B.
LOG_EPSILON, LOG_CENTER = 1e-6, 5.0

# A token that does not vary within any task (a frozen A, say) is still to be produced: it keeps this weight.
TOKEN_WEIGHT_FLOOR = 0.01


@dataclass(frozen=True)
class WeightTokens:
    """How the adapters of one layout are cut: chunks of (rank, width) along `in` of A and along `out` of Bᵀ.

    `width` 0 means the greatest common divisor of all `in` and `out`. A token is its chunk, normalised, with MARGIN
    more rows and columns that alternate mean and scale. Raises ValueError: a dimension that the width does not divide,
    or ranks that differ; names the tensor.
    """

    layout: AdapterLayout
    width: int = 0
    scales: Scales = "published"

    def __post_init__(self) -> None:
        if self.width == 0:
            object.__setattr__(self, "width", math.gcd(*self._lengths))
        if self.width < 0 or self.rank * self.width < 2:
            raise ValueError(f"width: found {self.width}, expected a chunk (rank, width) of two values or more")
        for name, shape, length in zip(self.layout.names, self.layout.shapes, self._lengths, strict=True):
            rank = shape[0] if _is_a(name) else shape[1]
            if rank != self.rank:
                raise ValueError(f"{name}: found rank {rank}, expected {self.rank} as in {self.layout.names[0]}")
            if length % self.width:
                raise ValueError(f"{name}: found dimension {length}, expected a multiple of width {self.width}")

    @property
    def rank(self) -> int:
        """Rows of a chunk."""
        return self.layout.shapes[0][0]

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        pairs = zip(self.layout.names, self.layout.shapes, strict=True)
        return tuple(shape[1] if _is_a(name) else shape[0] for name, shape in pairs)

    @cached_property
    def _pieces(self) -> tuple[tuple[bool, int], ...]:
        """Whether it is an A, and its chunks, of each tensor up to where all begins again, as it does with a layer."""
        counts = [length // self.width for length in self._lengths]
        pieces = tuple(zip(map(_is_a, self.layout.names), counts, strict=True))
        count = len(pieces)
        return next(pieces[:p] for p in range(1, count + 1) if count % p == 0 and pieces[:p] * (count // p) == pieces)

    @property
    def num_tokens(self) -> int:
        """Weight tokens of one adapter."""
        return sum(self._lengths) // self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, R, W) of one adapter's tokens, margins included."""
        return self.num_tokens, self.rank + MARGIN, self.width + MARGIN

    def tokenize(self, flat: Tensor) -> Tensor:
        """Flat weights (…, size) -> tokens (…, T, R, W) in float32."""
        chunks = self._chunks(flat.float())
        mean = chunks.mean(dim=(-2, -1), keepdim=True)
        chunks -= mean
        # Twice over the data, yet many times as fast as torch.std_mean, and no less exact.
        std = torch.linalg.vector_norm(chunks, dim=(-2, -1), keepdim=True) / math.sqrt(self.rank * self.width - 1)
        tokens = flat.new_empty((*flat.shape[:-1], *self.shape), dtype=torch.float32)
        torch.div(chunks, torch.where(std > 0, std, 1.0), out=tokens[..., :-MARGIN, :-MARGIN])
        for value, places in zip(self._encode(mean, std), _copies(tokens), strict=True):
            for place in places:
                place.copy_(value)
        return tokens

    def detokenize(self, tokens: Tensor) -> Tensor:
        """Tokens (…, T, R, W) -> flat weights (…, size) in float32; the copies of each scale are averaged."""
        if tuple(tokens.shape[-3:]) != self.shape:
            raise ValueError(f"weight tokens: found shape {tuple(tokens.shape)}, expected (…, {str(self.shape)[1:]}")
        tokens = tokens.float()
        mean, std = self._decode(*map(_average, _copies(tokens)))
        return self._unchunk((tokens[..., :-MARGIN, :-MARGIN] * std).add_(mean))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON value; `from_json` reads it back."""
        return {"layout": self.layout.to_json(), "width": self.width, "scales": self.scales}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "WeightTokens":
        """Inverse of `to_json`; ValueError on other keys or an invalid layout."""
        if set(value) != {"layout", "width", "scales"}:
            raise ValueError(f"weight tokens: found keys {sorted(value)}, expected ['layout', 'scales', 'width']")
        return cls(AdapterLayout.from_json(value["layout"]), value["width"], value["scales"])

    def _encode(self, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation as they stand in the margin."""
        if self.scales == "published":
            return 8 * mean, torch.log(0.9 * std + 0.1) + 1.6
        return mean / (std + LOG_EPSILON), torch.log(std + LOG_EPSILON) + LOG_CENTER

    def _decode(self, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Inverse of `_encode`."""
        if self.scales == "published":
            mean, std = mean / 8, (torch.exp(scale - 1.6) - 0.1) / 0.9
        else:
            deviation = torch.exp(scale - LOG_CENTER)
            mean, std = mean * deviation, deviation - LOG_EPSILON
        # A decoder may produce a scale below that of std 0; a negative std would flip the sign of its chunk.
        return mean, std.clamp(min=0)

    def _chunks(self, flat: Tensor) -> Tensor:
        """(…, size) -> (…, T, rank, width), its own memory."""
        self.layout.check_flat(flat)
        chunks = flat.new_empty((*flat.shape[:-1], self.num_tokens, self.rank, self.width))
        for piece, target in self._views(flat, chunks):
            target.copy_(piece)
        return chunks

    def _unchunk(self, chunks: Tensor) -> Tensor:
        """(…, T, rank, width) -> (…, size)."""
        flat = chunks.new_empty((*chunks.shape[:-3], self.layout.size))
        for target, piece in self._views(flat, chunks):
            target.copy_(piece)
        return flat

    def _views(self, flat: Tensor, chunks: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The same tensors of all layers in flat weights and in chunks, both as (…, layers, T, rank, width)."""
        counts = [count for _, count in self._pieces]
        layers, size = self.num_tokens // sum(counts), self.rank * self.width
        flat, chunks = flat.unflatten(-1, (layers, -1)), chunks.unflatten(-3, (layers, -1))
        starts = itertools.accumulate(counts, initial=0)
        for (is_a, count), start in zip(self._pieces, starts, strict=False):
            # Not split: what it returns cannot be written to where a gradient is wanted.
            piece, place = flat.narrow(-1, start * size, count * size), chunks.narrow(-3, start, count)
            if is_a:
                yield piece.unflatten(-1, (self.rank, count, self.width)).transpose(-3, -2), place
            else:
                yield piece.unflatten(-1, (count, self.width, self.rank)).transpose(-2, -1), place


def _copies(tokens: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """Where tokens (…, T, R, W) hold the copies of their mean, and where those of their scale; two views of each."""
    return tuple((tokens[..., -MARGIN:, k:-MARGIN:2], tokens[..., k - MARGIN].unsqueeze(-1)) for k in range(MARGIN))


def _average(places: Sequence[Tensor]) -> Tensor:
    """Mean over the last two axes of all views, (…, 1, 1)."""
    total = sum(place.sum(dim=(-2, -1), keepdim=True) for place in places)
    return total / sum(place.shape[-2] * place.shape[-1] for place in places)


def token_weight(tokens_by_task: Iterable[Tensor]) -> Tensor:
    """Weight of every token in the loss: (T,), mean 1 but for the floor.

    Per task, the standard deviation of each token over the task's checkpoints, scaled to mean 1; then the mean over
    tasks (official criterion weights, commit 60e2192). A task whose checkpoints are all equal, or that has only one,
    says nothing and counts as 1 everywhere. No weight is below TOKEN_WEIGHT_FLOOR. Given is one (checkpoints, T, R, W)
    tensor per task.
    """
    weights = [_task_weight(tokens) for tokens in tokens_by_task]
    if not weights:
        raise ValueError("token weight: found no task, expected one or more")
    return torch.stack(weights).mean(dim=0).clamp(min=TOKEN_WEIGHT_FLOOR)


def _task_weight(tokens: Tensor) -> Tensor:
    N, T, _, _ = tokens.shape
    spread = tokens.float().std(dim=0).mean(dim=(-2, -1)) if N > 1 else tokens.new_zeros(T, dtype=torch.float32)
    mean = spread.mean()
    return spread / mean if mean > 0 else torch.ones_like(spread)


def _is_a(name: str) -> bool:
    return name.endswith(".lora_A.weight")
