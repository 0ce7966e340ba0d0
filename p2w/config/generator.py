"""Which generators make adapters from prompts."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from p2w.config.settings import Count, NotNegative, Positive, Settings, Share, Whole

Kind = Literal["hyperconv", "ridge", "retrieval", "basis", "hypernetwork", "learned_decoder"]


class KindOfGenerator(NamedTuple):
    """The settings that a kind has, how few tasks it can learn from, what it is in a few words; whether its training
    depends on a seed, whether it reads labelled samples through the base model, and whether what it trains is the
    decoder of the section `decoder`; where its defaults are not those
    of `GeneratorConfig`."""

    keys: tuple[str, ...]
    least_tasks: int
    meaning: str
    seeded: bool = False
    learned: bool = False
    has_decoder: bool = False
    defaults: Mapping[str, Any] = {}


READING = ("positions", "penalty", "gain")
LEARNING = ("loss", "steps", "learning_rate", "tasks_per_step", "rows_per_task", "max_samples", "validation")
KINDS: dict[Kind, KindOfGenerator] = {
    "hyperconv": KindOfGenerator((), 1, "Drag-and-Drop's decoder", seeded=True),
    "ridge": KindOfGenerator(READING, 2, "ridge regression from prompts to weights"),
    "retrieval": KindOfGenerator(
        ("positions", "temperature"), 2, "the training adapters, mixed by how like theirs the prompts are"
    ),
    "basis": KindOfGenerator(
        (*READING, "leave_out", "task_dropout", "shift_rate", "attention_rate", *LEARNING), 3,
        "training adapters and their mixture, learned by what the mixed ones do", seeded=True, learned=True,
    ),
    "hypernetwork": KindOfGenerator(
        ("positions", "width", "warm_start", "attention_rate", *LEARNING), 2,
        "a network from prompts to every module's two matrices, as Text-to-LoRA has it", seeded=True, learned=True,
        defaults={"learning_rate": 3e-4, "steps": 300},
    ),
    "learned_decoder": KindOfGenerator(
        ("warm_start", *(key for key in LEARNING if key != "learning_rate")), 2,
        "Drag-and-Drop's decoder, learned by what its adapters do", seeded=True, learned=True, has_decoder=True,
        defaults={"steps": 300, "warm_start": 150},
    ),
}  # fmt: skip


class GeneratorConfig(Settings):
    """Which generator makes adapters from prompts; `hyperconv` is Drag-and-Drop's decoder, see the section `decoder`.

    `ridge` is a regression in closed form, from the mean prompt of a task to the mean of its checkpoints; `retrieval`
    mixes these means. `basis` begins as `ridge` and is trained: what its adapters for training tasks do, each made
    without that task's own. `hypernetwork` begins as the mean adapter and is trained likewise, its adapters no mixture;
    `learned_decoder` is the decoder of the section `decoder`, trained so at the rate that is given there.
    Defaults were chosen on training tasks left out, see docs/log.md.
    """

    kind: Kind = Field("hyperconv", description="the way from prompts to weights")
    positions: Whole = Field(8, description="last token states that are read, 0 for the mean of all")
    penalty: Positive = Field(1.0, description="of ridge, in units of the features' mean square")
    gain: Positive = Field(2.0, description="factor on ridge's distance from the mean adapter, against the shrinking")
    temperature: Positive = Field(0.1, description="of retrieval: how much unlike tasks count, in units of the cosine")
    loss: Literal["weights", "delta", "task"] = Field(
        "task", description="what training is by: weights, their products, or answers through the base model"
    )
    leave_out: bool = Field(True, description="whether a task's own adapter is left out of what is made for it")
    task_dropout: Share = Field(0.3, description="share of the other tasks that are left out too, others in each step")
    steps: Whole = Field(120, description="optimizer steps; with 0 basis is ridge, hypernetwork the mean adapter")
    learning_rate: NotNegative = Field(3e-2, description="its peak; of basis, that of positions, penalty, gain")
    shift_rate: NotNegative = Field(2e-3, description="its peak, of what is added to every mixture; 0 adds nothing")
    attention_rate: NotNegative = Field(0.0, description="its peak, of how much each prompt counts; 0: all alike")
    tasks_per_step: Count = Field(8, description="training tasks of a step")
    rows_per_task: Count = Field(3, description="labelled samples of each")
    max_samples: Count = Field(128, description="labelled samples of a task that are learned from")
    validation: Share = Field(
        0.0,
        description="share of a task's prompts and samples kept apart to choose the best state; 0: the last",
    )
    width: Count = Field(512, description="of hypernetwork's layers")
    warm_start: Whole = Field(0, description="first steps, which are by weights whatever `loss` is")

    @property
    def samples_seen(self) -> int:
        """Labelled samples that its training goes through, repetitions counted; 0 where it reads none."""
        reads = KINDS[self.kind].learned and self.loss == "task"
        steps = self.steps - min(self.steps, self.warm_start)
        return steps * self.tasks_per_step * self.rows_per_task if reads else 0

    def to_json(self) -> dict[str, Any]:
        """The keys of the kind as JSON values."""
        return self.model_dump(mode="json", include={"kind", *KINDS[self.kind].keys})

    @model_validator(mode="after")
    def _keys_of_the_kind(self) -> "GeneratorConfig":
        for key in sorted(self.model_fields_set - {"kind", *KINDS[self.kind].keys}):
            kinds = " or ".join(name for name, kind in KINDS.items() if key in kind.keys)
            raise ValueError(f"{key}: found one beside kind {self.kind}, expected kind {kinds}")
        return self

    @model_validator(mode="after")
    def _defaults_of_the_kind(self) -> "GeneratorConfig":
        for key, value in KINDS[self.kind].defaults.items():
            if key not in self.model_fields_set:
                self.__dict__[key] = value  # a default: not one of the keys that were given
        return self
