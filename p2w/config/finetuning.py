"""How a task's adapter is trained: batches, optimizer, learning rate, snapshots."""

import math
from typing import Literal

from pydantic import Field, model_validator

from p2w.config.settings import Count, NotNegative, Positive, Settings, Share, Whole


class FinetuneConfig(Settings):
    """How a task's adapter is trained.

    A batch counts as one step however many micro-batches it is computed in; results differ by rounding only. Snapshots
    are evenly spaced, the last at the end of the epoch. From `final_from_step` on the rate is `final_learning_rate`:
    the second phase of the paper's recipe.
    """

    max_samples: Count = Field(description="rows of the train split that are used, the same in every epoch")
    batch_size: Count = Field(description="samples per optimizer step")
    learning_rate: Positive = Field(description="constant after the warm-up")
    micro_batch_size: Count | None = Field(None, description="samples computed at once; those of like length together")
    micro_batch_tokens: Count | None = Field(None, description="the same by tokens with padding, in its place")
    activation_checkpointing: bool = Field(False, description="compute each layer twice to keep less")
    shared_prefix: bool = Field(False, description="compute once what all samples of a micro-batch begin with")
    weight_decay: NotNegative = Field(0.0, description="of AdamW")
    betas: tuple[Share, Share] = Field((0.9, 0.999), description="of AdamW")
    warmup_steps: Whole = Field(0, description="steps of linear warm-up")
    clip_norm: Positive = Field(1.0, description="largest norm of a gradient")
    snapshots: Count | Literal["every_step"] = Field(1, description="checkpoints per epoch, or every_step")
    max_length: Count = Field(1024, description="most tokens of a sample; a longer one is an error")
    steps_per_epoch: Count | None = Field(None, description="an epoch ends after so many steps; rows may be left over")
    final_learning_rate: Positive | None = Field(None, description="constant from final_from_step on")
    final_from_step: Whole | None = Field(None, description="first step of the second phase; from 0 over all epochs")

    @model_validator(mode="after")
    def _rules(self) -> "FinetuneConfig":
        if self.micro_batch_size is not None and self.micro_batch_tokens is not None:
            found = f"{self.micro_batch_size} samples and {self.micro_batch_tokens} tokens"
            raise ValueError(f"micro_batch_size: found {found}, expected one of micro_batch_size, micro_batch_tokens")
        if self.shared_prefix and self.activation_checkpointing:
            found = "both shared_prefix and activation_checkpointing"
            raise ValueError(f"shared_prefix: found {found}, expected one: the keys and values of a prefix are kept")
        if (self.final_learning_rate is None) != (self.final_from_step is None):
            found = f"{self.final_learning_rate} from step {self.final_from_step}"
            raise ValueError(f"final_learning_rate: found {found}, expected both a rate and a step")
        self.snapshot_steps(self.most_steps)
        return self

    @property
    def most_steps(self) -> int:
        """Steps that an epoch has at most; fewer where the train split has less than `max_samples` rows."""
        return self.steps(self.max_samples)

    def steps(self, rows: int) -> int:
        """Steps of an epoch over a train split of so many rows."""
        steps = math.ceil(min(rows, self.max_samples) / self.batch_size)
        return min(steps, self.steps_per_epoch or steps)

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
