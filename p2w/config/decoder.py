"""How a decoder is built and trained."""

from dataclasses import dataclass
from typing import Literal, get_args

from p2w.adapters.weight_tokens import Scales
from p2w.generators.hyperconv import check_kernel_size, check_shapes
from p2w.generators.optimizers import OptimizerName

Loss = Literal["weighted", "plain"]
Pairing = Literal["random", "expected"]
Precision = Literal["float32", "bfloat16"]
Place = Literal["device", "host"]
CHOICES = {"loss": Loss, "pairing": Pairing, "scales": Scales, "precision": Precision, "optimizer": OptimizerName,
           "targets": Place}  # fmt: skip


@dataclass(frozen=True)
class DecoderConfig:
    """How a decoder is built and trained.

    `shapes` are the (C, H, W) between the condition (num_prompts, length, dim) and the weight tokens (T, R, W), which
    follow from the encoder and the adapters. `loss` "weighted" is the code's, by token weight; "plain" the paper's.
    `pairing` "random" takes one of the task's checkpoints per item, "expected" the mean of their tokens.

    The rest decides what fits and how fast it runs. `micro_batch_size` items are computed at once; results differ from
    those of the whole batch by rounding only. `activation_checkpointing` computes every block once more instead of
    keeping what is inside it. `tf32` lets a GPU round the inputs of float32 convolutions to 10 bits. `targets` "host"
    keeps the weight tokens in the computer's memory instead of the GPU's.
    """

    num_prompts: int
    shapes: tuple[tuple[int, int, int], ...]
    kernel_size: int
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.1
    warmup_steps: int = 1
    clip_norm: float = 1.0
    condition_noise: float = 1e-4
    weight_noise: float = 1e-5
    loss: Loss = "weighted"
    pairing: Pairing = "random"
    scales: Scales = "published"
    token_width: int = 0
    precision: Precision = "float32"
    tf32: bool = False
    optimizer: OptimizerName = "adamw"
    micro_batch_size: int | None = None
    activation_checkpointing: bool = False
    targets: Place = "device"

    def __post_init__(self) -> None:
        check_shapes(self.shapes)
        check_kernel_size(self.kernel_size)
        for name in ("num_prompts", "steps", "batch_size", "learning_rate", "clip_norm", "micro_batch_size"):
            value = getattr(self, name)
            self._check(name, value is None or value > 0, "a positive number")
        for name in ("weight_decay", "warmup_steps", "condition_noise", "weight_noise", "token_width"):
            self._check(name, getattr(self, name) >= 0, "zero or more")
        self._check("warmup_steps", self.warmup_steps <= self.steps, f"at most the {self.steps} steps")
        for name, choices in CHOICES.items():
            known = get_args(choices)
            self._check(name, getattr(self, name) in known, f"one of {', '.join(map(repr, known))}")

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(f"{name}: found {getattr(self, name)!r}, expected {expected}")
