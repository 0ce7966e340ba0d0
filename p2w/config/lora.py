"""Shape and start of the adapters."""

from typing import Annotated, Literal

from pydantic import Field

from p2w.config.settings import Count, Settings, Share, Text, Whole


class LoraSettings(Settings):
    """Rank, scale and place of the low-rank matrices, and the seed they start from."""

    rank: Count = Field(description="rows of lora_A")
    alpha: Count = Field(description="the low-rank term is scaled by alpha / rank")
    dropout: Share = Field(0.0, description="share of the adapters' inputs that training leaves out")
    target_modules: Literal["all-linear"] | Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        "all-linear", description="all-linear, or names of modules"
    )
    init_seed: Whole = Field(0, description="seed of the first lora_A")
