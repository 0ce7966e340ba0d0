"""How a task's adapter is trained: batches, optimizer, learning rate, snapshots."""

from dataclasses import dataclass
from typing import Literal

POSITIVE = ("max_samples", "batch_size", "learning_rate", "micro_batch_size", "micro_batch_tokens", "clip_norm",
            "snapshots", "max_length", "steps_per_epoch", "final_learning_rate")  # fmt: skip


@dataclass(frozen=True)
class FinetuneConfig:
    """How a task's adapter is trained.

    `max_samples` rows are used, the same in every epoch. A batch counts as one step however many micro-batches it is
    computed in: pieces of `micro_batch_size` samples, or of `micro_batch_tokens` tokens with padding; results differ by
    rounding only. `activation_checkpointing` computes every layer once more instead of keeping what is inside it.
    `snapshots` is the number of checkpoints an epoch leaves, evenly spaced, the last at its end.
    `steps_per_epoch` ends an epoch early, with rows left over. From `final_from_step` on, counted from 0 over all
    epochs, the rate is `final_learning_rate`: the second phase of the paper's recipe.
    """

    max_samples: int
    batch_size: int
    learning_rate: float
    micro_batch_size: int | None = None
    micro_batch_tokens: int | None = None
    activation_checkpointing: bool = False
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    clip_norm: float = 1.0
    snapshots: int | Literal["every_step"] = 1
    max_length: int = 1024
    steps_per_epoch: int | None = None
    final_learning_rate: float | None = None
    final_from_step: int | None = None

    def __post_init__(self) -> None:
        for name in POSITIVE:
            value = getattr(self, name)
            if isinstance(value, int | float) and value <= 0:
                raise ValueError(f"{name}: found {value}, expected a number above 0")
        if self.micro_batch_size is not None and self.micro_batch_tokens is not None:
            found = f"{self.micro_batch_size} samples and {self.micro_batch_tokens} tokens"
            raise ValueError(f"micro_batch_size: found {found}, expected one of micro_batch_size, micro_batch_tokens")
        for name in ("weight_decay", "warmup_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 0 or more")
        if (self.final_learning_rate is None) != (self.final_from_step is None) or (self.final_from_step or 0) < 0:
            found = f"{self.final_learning_rate} from step {self.final_from_step}"
            raise ValueError(f"final_learning_rate: found {found}, expected both a rate and a step of 0 or more")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0 over all epochs: constant after the warm-up, then the final one."""
        if self.final_learning_rate is not None and step >= int(self.final_from_step or 0):
            return self.final_learning_rate
        return self.learning_rate * min(1.0, (step + 1) / (self.warmup_steps + 1))

    def snapshot_steps(self, steps: int) -> list[int]:
        """Steps of an epoch, counted from 1, after which a snapshot is taken; ValueError when there are too few."""
        count = steps if isinstance(self.snapshots, str) else self.snapshots
        if count > steps:
            raise ValueError(f"snapshots: found {count}, expected at most one per step; an epoch has {steps} steps")
        return [steps * (index + 1) // count for index in range(count)]
