"""A trained decoder as one file that holds everything needed to use it: no config beside it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.weight_tokens import WeightTokens
from p2w.generators.contract import Prompts
from p2w.generators.generation import generate, mean_condition
from p2w.generators.hyperconv import HyperConvDecoder
from p2w.runtime.tensor_files import write_tensors

KIND = "hyperconv"


@dataclass(frozen=True)
class TrainedDecoder:
    """Decoder, the meaning of its weight tokens, and what its maker noted (adapter config, encoder, provenance)."""

    decoder: HyperConvDecoder
    spec: WeightTokens
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        if self.decoder.shapes[-1] != self.spec.shape:
            raise ValueError(f"decoder: found output {self.decoder.shapes[-1]}, expected tokens {self.spec.shape}")

    @property
    def num_prompts(self) -> int:
        """Prompts of one condition."""
        return self.decoder.shapes[0][0]

    @property
    def layout(self) -> AdapterLayout:
        """What the weights are."""
        return self.spec.layout

    @property
    def device(self) -> torch.device:
        """Where the decoder computes."""
        return next(self.decoder.parameters()).device

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32 on the CPU; FloatingPointError unless finite."""
        return generate(self.decoder, self.spec, condition)

    def weights_of_no_prompt(self, prompts: Sequence[Prompts]) -> Tensor:
        """Flat weights of the mean condition over the training tasks."""
        return self.weights(mean_condition(prompts, self.num_prompts).to(self.device))


def save_decoder(path: str | Path, trained: TrainedDecoder) -> None:
    """Write parameters, shapes, kernel, weight-token spec and metadata; equal input gives equal bytes."""
    header = {
        "kind": KIND,
        "shapes": trained.decoder.shapes,
        "kernel_size": trained.decoder.kernel_size,
        "weight_tokens": trained.spec.to_json(),
        "metadata": trained.metadata,
    }
    write_tensors(path, trained.decoder.state_dict(), header)


def rebuild_decoder(state: dict[str, Tensor], header: Mapping[str, Any], device: torch.device | str) -> TrainedDecoder:
    """Inverse of `save_decoder`, from what the file holds; KeyError, RuntimeError or ValueError for another one."""
    with torch.device("meta"):
        decoder = HyperConvDecoder(header["shapes"], header["kernel_size"])
    decoder.load_state_dict(state, strict=True, assign=True)
    spec = WeightTokens.from_json(header["weight_tokens"])
    return TrainedDecoder(decoder.to(device).eval().requires_grad_(False), spec, header["metadata"])
