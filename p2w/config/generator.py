"""Which generators make adapters from prompts."""

from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from p2w.config.settings import Positive, Settings, Whole

Kind = Literal["hyperconv", "ridge", "retrieval"]


class KindOfGenerator(NamedTuple):
    """The settings that a kind has, whether its training depends on a seed, and what it is in a few words."""

    keys: tuple[str, ...]
    seeded: bool
    meaning: str


KINDS: dict[Kind, KindOfGenerator] = {
    "hyperconv": KindOfGenerator((), True, "Drag-and-Drop's decoder"),
    "ridge": KindOfGenerator(("positions", "penalty", "gain"), False, "ridge regression from prompts to weights"),
    "retrieval": KindOfGenerator(
        ("positions", "temperature"), False, "the training adapters, mixed by how like theirs the prompts are"
    ),
}


class GeneratorConfig(Settings):
    """Which generator makes adapters from prompts; `hyperconv` is Drag-and-Drop's decoder, see the section `decoder`.

    `ridge` is a regression in closed form, from the mean prompt of a task to the mean of its checkpoints; `retrieval`
    mixes these means. Their defaults were chosen on training tasks left out in turn, see docs/log.md.
    """

    kind: Kind = Field("hyperconv", description="the way from prompts to weights")
    positions: Whole = Field(8, description="last token states that are read, 0 for the mean of all")
    penalty: Positive = Field(1.0, description="of ridge, in units of the features' mean square")
    gain: Positive = Field(2.0, description="factor on ridge's distance from the mean adapter, against the shrinking")
    temperature: Positive = Field(0.1, description="of retrieval: how much unlike tasks count, in units of the cosine")

    def to_json(self) -> dict[str, Any]:
        """The keys of the kind as JSON values."""
        return self.model_dump(mode="json", include={"kind", *KINDS[self.kind].keys})

    @model_validator(mode="after")
    def _keys_of_the_kind(self) -> "GeneratorConfig":
        for key in sorted(self.model_fields_set - {"kind", *KINDS[self.kind].keys}):
            kinds = " or ".join(name for name, kind in KINDS.items() if key in kind.keys)
            raise ValueError(f"{key}: found one beside kind {self.kind}, expected kind {kinds}")
        return self
