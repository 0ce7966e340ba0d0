"""An adapter as weight tokens, matrices of equal size with their scales beside them, and back.

The chunks and the published form of the scales are those of the official tokenizer
(jerryliang24/Drag-and-Drop-LLMs, commit 60e2192, workspace/dnd/tokenizer/tokenizer.py). Statistics are in float32.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from p2w.adapter_layout import AdapterLayout

Scales = Literal["published", "log"]
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
    more rows and columns that alternate mean and scale.

    Raises:
        ValueError: a dimension that the width does not divide, or ranks that differ; names the tensor.
    """

    layout: AdapterLayout
    width: int = 0
    scales: Scales = "published"

    def __post_init__(self) -> None:
        if self.scales not in ("published", "log"):
            raise ValueError(f"scales: found {self.scales!r}, expected 'published' or 'log'")
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
        std, mean = torch.std_mean(chunks, dim=(-2, -1), keepdim=True, correction=1)
        normal = (chunks - mean) / torch.where(std > 0, std, torch.ones_like(std))
        tokens = flat.new_empty((*flat.shape[:-1], *self.shape), dtype=torch.float32)
        tokens[..., :-MARGIN, :-MARGIN] = normal
        margin, is_mean = self._margin(flat.device)
        copies = torch.where(is_mean, *self._encode(mean, std))
        return torch.where(margin, copies, tokens)

    def detokenize(self, tokens: Tensor) -> Tensor:
        """Tokens (…, T, R, W) -> flat weights (…, size) in float32; the copies of each scale are averaged."""
        if tuple(tokens.shape[-3:]) != self.shape:
            raise ValueError(f"weight tokens: found shape {tuple(tokens.shape)}, expected (…, {str(self.shape)[1:]}")
        tokens = tokens.float()
        margin, is_mean = self._margin(tokens.device)
        mean, std = self._decode(_masked_mean(tokens, margin & is_mean), _masked_mean(tokens, margin & ~is_mean))
        return self._unchunk(tokens[..., :-MARGIN, :-MARGIN] * std + mean)

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

    def _margin(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Two masks (R, W): where the copies are, and where a copy is the mean."""
        _, R, W = self.shape
        margin = torch.ones(R, W, dtype=torch.bool, device=device)
        margin[:-MARGIN, :-MARGIN] = False
        is_mean = (torch.arange(W, device=device) % 2 == 0).repeat(R, 1)
        is_mean[:, -2], is_mean[:, -1] = True, False
        return margin, is_mean

    def _chunks(self, flat: Tensor) -> Tensor:
        """(…, size) -> (…, T, rank, width)."""
        pieces = zip(self.layout.names, self._lengths, self.layout.split(flat), strict=True)
        return torch.cat([self._cut(name, length, piece) for name, length, piece in pieces], dim=-3)

    def _cut(self, name: str, length: int, piece: Tensor) -> Tensor:
        lead, T = piece.shape[:-1], length // self.width
        if _is_a(name):
            return piece.reshape(*lead, self.rank, T, self.width).transpose(-3, -2)
        return piece.reshape(*lead, T, self.width, self.rank).transpose(-2, -1)

    def _unchunk(self, chunks: Tensor) -> Tensor:
        """(…, T, rank, width) -> (…, size)."""
        counts = [length // self.width for length in self._lengths]
        pieces = zip(self.layout.names, chunks.split(counts, dim=-3), strict=True)
        ordered = [piece.transpose(-3, -2) if _is_a(name) else piece.transpose(-2, -1) for name, piece in pieces]
        return torch.cat([piece.flatten(start_dim=-3) for piece in ordered], dim=-1)


def token_weight(tokens_by_task: Iterable[Tensor]) -> Tensor:
    """Weight of every token in the loss: (T,), mean 1 but for the floor.

    Per task, the standard deviation of each token over the task's checkpoints, scaled to mean 1; then the mean over
    tasks (official criterion weights, commit 60e2192). A task whose checkpoints are all equal, or that has only one,
    says nothing and counts as 1 everywhere. No weight is below TOKEN_WEIGHT_FLOOR.

    Args:
        tokens_by_task: one (checkpoints, T, R, W) tensor per task.
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


def _masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean over the marked positions of (…, R, W) -> (…, 1, 1)."""
    return (tokens * mask).sum(dim=(-2, -1), keepdim=True) / mask.sum()


def _is_a(name: str) -> bool:
    return name.endswith(".lora_A.weight")
