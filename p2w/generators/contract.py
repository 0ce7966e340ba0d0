"""What a generator is: prompts in, the weights of an adapter out; all that this needs in one file."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout


class Prompts(Protocol):
    """The encoded prompts of one task."""

    def __len__(self) -> int: ...

    def gather(self, indices: Tensor) -> Tensor:
        """(…, N) int64 -> (…, N, L, C) float32, zero past the end of each prompt."""
        ...


class Generator(Protocol):
    """A generator that has been fitted, and what its maker noted.

    `metadata` has held_out, training_tasks, adapter_config, encoder and provenance.
    """

    metadata: dict[str, Any]

    @property
    def layout(self) -> AdapterLayout:
        """What the weights are."""
        ...

    @property
    def num_prompts(self) -> int:
        """Prompts of one condition."""
        ...

    @property
    def device(self) -> torch.device:
        """Where conditions are wanted."""
        ...

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32 on the CPU; FloatingPointError unless finite."""
        ...

    def weights_of_no_prompt(self, prompts: Sequence[Prompts]) -> Tensor:
        """Flat weights as `weights`, of a condition that says nothing, given the prompts of the training tasks."""
        ...


def finite(flat: Tensor) -> Tensor:
    """Generated weights on the CPU; FloatingPointError unless they are finite."""
    flat = flat.cpu()
    if not flat.isfinite().all():
        raise FloatingPointError(f"generated weights: found {int((~flat.isfinite()).sum())} values that are not finite")
    return flat
