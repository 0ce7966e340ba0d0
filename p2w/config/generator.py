"""Which generator makes adapters from prompts."""

from typing import Literal

from pydantic import Field, model_validator

from p2w.config.settings import Count, NotNegative, Positive, Settings, Share, Whole

Kind = Literal["hyperconv", "ridge", "basis"]
READING = ("positions", "penalty", "gain")
KEYS: dict[str, tuple[str, ...]] = {
    "hyperconv": (),
    "ridge": READING,
    "basis": (*READING, "loss", "leave_out", "task_dropout", "steps", "learning_rate", "shift_rate", "tasks_per_step",
              "rows_per_task", "max_samples"),
}  # fmt: skip
LEARNED = ("basis",)  # kinds that are trained through the base model, on samples


class GeneratorConfig(Settings):
    """Which generator makes adapters from prompts; `hyperconv` is Drag-and-Drop's decoder, see the section `decoder`.

    `ridge` is a regression in closed form, from the mean prompt of a task to the mean of its checkpoints. Its defaults
    were chosen on training tasks left out in turn, see docs/log.md. `basis` begins there and is trained: what its
    adapters for training tasks do, each made without that task's own.
    """

    kind: Kind = Field("hyperconv", description="the way from prompts to weights")
    positions: Whole = Field(8, description="last token states that ridge reads, 0 for the mean of all")
    penalty: Positive = Field(1.0, description="of ridge, in units of the features' mean square")
    gain: Positive = Field(2.0, description="factor on ridge's distance from the mean adapter, against the shrinking")
    loss: Literal["weights", "delta", "task"] = Field(
        "task", description="what basis is trained by: weights, their products, or answers through the base model"
    )
    leave_out: bool = Field(True, description="whether a task's own adapter is left out of what is made for it")
    task_dropout: Share = Field(0.3, description="share of the other tasks that are left out too, others in each step")
    steps: Whole = Field(120, description="optimizer steps of basis; 0 is ridge")
    learning_rate: NotNegative = Field(3e-2, description="its peak, of positions, penalty and gain")
    shift_rate: NotNegative = Field(2e-3, description="its peak, of what is added to every mixture; 0 adds nothing")
    tasks_per_step: Count = Field(8, description="training tasks of a step of basis")
    rows_per_task: Count = Field(3, description="labelled samples of each")
    max_samples: Count = Field(128, description="labelled samples of a task that basis learns from")

    @model_validator(mode="after")
    def _keys_of_the_kind(self) -> "GeneratorConfig":
        for key in sorted(self.model_fields_set - {"kind", *KEYS[self.kind]}):
            kinds = " or ".join(kind for kind, keys in KEYS.items() if key in keys)
            raise ValueError(f"{key}: found one beside kind {self.kind}, expected kind {kinds}")
        return self
