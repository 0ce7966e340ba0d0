"""Validation: a part of every training task that is not learned from, and the state that does best on it.

The official code keeps the last state; "the best one" of a run is the one of lowest loss on prompts and targets that
were kept apart. They are the training tasks' own, so that nothing of a held-out task decides.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from p2w.config.validation import kept_apart

TIMES = 10  # validations of a training, the last one at its end
KEY = "validation_loss"  # of a row of metrics


class Split(NamedTuple):
    """Numbers of what is learned from and of what is kept apart, int64, both in order."""

    learned: Tensor
    apart: Tensor


def split(where: str, count: int, share: float, random: Generator) -> Split:
    """A random split; ValueError unless something is left to learn from. Without a share nothing is drawn."""
    apart = kept_apart(count, share)
    if apart >= count:
        raise ValueError(f"{where}: found {count} of them, expected at least 2 to keep some apart for validation")
    order = torch.randperm(count, generator=random) if apart else torch.arange(count)
    return Split(order[apart:].sort().values, order[:apart].sort().values)


def is_due(step: int, steps: int) -> bool:
    """Whether the state after `step` (from 1) is to be validated."""
    return step % math.ceil(steps / TIMES) == 0 or step == steps


class BestState:
    """The parameters with the lowest validation loss so far, on the CPU; those that it was given when there is none."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self.parameters, self.loss = parameters, math.inf
        self.kept: dict[str, Tensor] = {}

    def offer(self, loss: float) -> None:
        """Keep the parameters as they are now if none had a lower loss."""
        if loss < self.loss:
            self.loss = loss
            self.kept = {name: tensor.detach().to("cpu", copy=True) for name, tensor in self.parameters.items()}

    @torch.no_grad()
    def restore(self) -> None:
        """Put the kept values into the parameters."""
        for name, tensor in self.kept.items():
            self.parameters[name].copy_(tensor)

    def resume(self, kept: Mapping[str, Tensor], rows: Sequence[Mapping[str, float]]) -> None:
        """Go on from what was kept when these were the rows of metrics."""
        self.kept = dict(kept)
        self.loss = min((row[KEY] for row in rows if KEY in row), default=math.inf)
