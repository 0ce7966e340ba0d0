"""How a decoder is built and trained."""

from importlib.util import find_spec
from typing import Literal

from pydantic import Field, field_validator, model_validator

from p2w.config.base_model import Precision
from p2w.config.settings import Count, NotNegative, Positive, Settings, Share, Whole

Scales = Literal["published", "log"]
OptimizerName = Literal["adamw", "adamw_fused", "adamw_8bit"]


class DecoderConfig(Settings):
    """The hyper-convolutional decoder and its training.

    `pairing` "random" takes one of the task's checkpoints per item, "expected" the mean of their tokens. `loss`
    "weighted" is the code's, by token weight; "plain" the paper's. The weight tokens follow from the adapters. What is
    computed at once, twice or elsewhere decides what fits and how fast it runs; results differ by rounding only.
    """

    num_prompts: Count = Field(description="prompts in a prompt batch")
    shapes: tuple[tuple[Count, Count, Count], ...] = Field(
        description="(channels, height, width) between the condition (num_prompts, encoder.max_length, dim) and tokens"
    )
    kernel_size: Count = Field(description="odd")
    steps: Count = Field(description="optimizer steps, the same for every held-out task")
    batch_size: Count = Field(description="pairs of prompt batch and checkpoint per step")
    learning_rate: Positive = Field(description="its peak; cosine after the warm-up")
    weight_decay: NotNegative = Field(0.1, description="of AdamW")
    warmup_steps: Whole = Field(1, description="steps of linear warm-up")
    clip_norm: Positive = Field(1.0, description="largest norm of a gradient")
    condition_noise: NotNegative = Field(1e-4, description="standard deviation added to prompt embeddings")
    weight_noise: NotNegative = Field(1e-5, description="standard deviation added to target weight tokens")
    loss: Literal["weighted", "plain"] = Field("weighted", description="squared error, weighted by token or plain")
    pairing: Literal["random", "expected"] = Field("random", description="a checkpoint of the task or their mean")
    validation: Share = Field(
        0.0,
        description="share of a task's prompts and checkpoints kept apart to choose the best state; 0: the last",
    )
    scales: Scales = Field("published", description="how a token carries its mean and deviation")
    token_width: Whole = Field(0, description="columns of a token, 0 for the most that divide all widths")
    precision: Precision = Field("float32", description="bfloat16 computes under autocast with float32 weights")
    tf32: bool = Field(False, description="whether a GPU may round the inputs of float32 convolutions to 10 bits")
    optimizer: OptimizerName = Field(
        "adamw", description="AdamW; fused needs no temporary copies, 8bit keeps its moments in 8 bits (needs torchao)"
    )
    micro_batch_size: Count | None = Field(None, description="pairs computed at once")
    activation_checkpointing: bool = Field(False, description="compute each block twice to keep less")
    targets: Literal["device", "host"] = Field("device", description="weight tokens in the GPU's memory or outside it")

    @field_validator("kernel_size")
    @classmethod
    def _windows_have_a_centre(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError(f"found {size}, expected an odd number")
        return size

    @field_validator("optimizer")
    @classmethod
    def _is_installed(cls, name: OptimizerName) -> OptimizerName:
        if name == "adamw_8bit" and find_spec("torchao") is None:
            raise ValueError(f"found {name!r}, expected torchao to be installed: pip install torchao")
        return name

    @model_validator(mode="after")
    def _warm_up_ends(self) -> "DecoderConfig":
        if self.warmup_steps > self.steps:
            raise ValueError(f"warmup_steps: found {self.warmup_steps}, expected at most the {self.steps} steps")
        return self
