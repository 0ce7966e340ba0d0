"""Which generator makes adapters from prompts."""

from typing import Literal

from pydantic import Field, model_validator

from p2w.config.settings import Positive, Settings, Whole

Kind = Literal["hyperconv", "ridge"]
KEYS: dict[str, tuple[str, ...]] = {"hyperconv": (), "ridge": ("positions", "penalty", "gain")}


class GeneratorConfig(Settings):
    """Which generator makes adapters from prompts; `hyperconv` is Drag-and-Drop's decoder, see the section `decoder`.

    `ridge` is a regression in closed form, from the mean prompt of a task to the mean of its checkpoints. Its defaults
    were chosen on training tasks left out in turn, see docs/log.md.
    """

    kind: Kind = Field("hyperconv", description="the way from prompts to weights")
    positions: Whole = Field(8, description="last token states that ridge reads, 0 for the mean of all")
    penalty: Positive = Field(1.0, description="of ridge, in units of the features' mean square")
    gain: Positive = Field(2.0, description="factor on ridge's distance from the mean adapter, against the shrinking")

    @model_validator(mode="after")
    def _keys_of_the_kind(self) -> "GeneratorConfig":
        for key in sorted(self.model_fields_set - {"kind", *KEYS[self.kind]}):
            kinds = ", ".join(kind for kind, keys in KEYS.items() if key in keys)
            raise ValueError(f"{key}: found one beside kind {self.kind}, expected kind {kinds}")
        return self
