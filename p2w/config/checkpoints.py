"""Which checkpoints a decoder learns from."""

from pydantic import Field, model_validator

from p2w.config.settings import Count, Settings


class Checkpoints(Settings):
    """Which epochs' snapshots a decoder learns from."""

    epochs: Count = Field(description="epochs of fine-tuning; more of them keep those that exist")
    first_epoch: Count = Field(description="earlier epochs are the warm-up phase")

    @model_validator(mode="after")
    def _first_is_one_of_them(self) -> "Checkpoints":
        if self.first_epoch > self.epochs:
            raise ValueError(f"first_epoch: found {self.first_epoch}, expected at most epochs ({self.epochs})")
        return self
