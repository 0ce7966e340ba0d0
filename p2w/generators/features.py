"""Features of the prompts of a task or of a condition, for generators that do not read every state."""

from typing import NamedTuple

import torch
from torch import Tensor

from p2w.generators.contract import Prompts

BLOCK = 64  # prompts whose padded states are in memory at once: as many as a processor's cache holds


class Part(NamedTuple):
    """Some of a task's prompts, as its prompts; `chosen` (n,) int64 where these are."""

    prompts: Prompts
    chosen: Tensor

    def __len__(self) -> int:
        return len(self.chosen)

    def gather(self, indices: Tensor) -> Tensor:
        """(…, N) int64 -> (…, N, L, C) float32."""
        return self.prompts.gather(self.chosen[indices])


def task_features(prompts: Prompts, positions: int) -> Tensor:
    """Features of all prompts of a task, (d,): the mean state at each of the last `positions`, one after the other, or
    without positions the mean of each prompt's mean state."""
    blocks = [_sums(prompts.gather(piece), positions) for piece in torch.arange(len(prompts)).split(BLOCK)]
    sums, counts = (torch.stack(part).sum(0) for part in zip(*blocks, strict=True))
    return _features((sums, counts))


def position_features(prompts: Prompts, positions: int) -> Tensor:
    """The same by position, (K, C); one of them, the mean of all, for `positions` 0."""
    return task_features(prompts, positions).unflatten(0, (max(1, positions), -1))


def condition_features(condition: Tensor, positions: int) -> Tensor:
    """The same features (d,) of a condition (N, L, C)."""
    return _features(_sums(condition, positions))


def last_states(states: Tensor, positions: int) -> tuple[Tensor, Tensor]:
    """Of prompts (N, L, C) the states (N, K, C) at each of the K last positions, from the end on, zero where a prompt
    has none, and where it has (N, K) bool; without positions each one's mean state, K = 1. A prompt ends where all
    that follows is zero."""
    lengths = states.ne(0).any(-1).sum(-1)
    if not positions:
        return (states.sum(1) / lengths.clamp(min=1)[:, None])[:, None], lengths[:, None] > 0
    places = lengths[:, None] - 1 - torch.arange(positions, device=states.device)
    there = places >= 0
    return states.gather(1, places.clamp(min=0)[..., None].expand(-1, -1, states.shape[-1])) * there[..., None], there


def _sums(states: Tensor, positions: int) -> tuple[Tensor, Tensor]:
    """Over prompts (N, L, C) the sums (K, C) and counts (K, 1) of their last states."""
    last, there = last_states(states, positions)
    return last.sum(0), there.sum(0)[:, None]


def _features(sums: tuple[Tensor, Tensor]) -> Tensor:
    """Mean state at each position, one after the other; zero where no prompt is so long."""
    total, count = sums
    return (total / count.clamp(min=1)).flatten()
