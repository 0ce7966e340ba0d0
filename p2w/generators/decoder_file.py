"""A trained decoder as one file that holds everything needed to use it: no config beside it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from p2w.adapters.weight_tokens import WeightTokens
from p2w.generators.hyperconv import HyperConvDecoder
from p2w.runtime.tensor_files import read_tensors, write_tensors


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


def save_decoder(path: str | Path, trained: TrainedDecoder) -> None:
    """Write parameters, shapes, kernel, weight-token spec and metadata; equal input gives equal bytes."""
    header = {
        "shapes": trained.decoder.shapes,
        "kernel_size": trained.decoder.kernel_size,
        "weight_tokens": trained.spec.to_json(),
        "metadata": trained.metadata,
    }
    write_tensors(path, trained.decoder.state_dict(), header)


def load_decoder(path: str | Path, device: torch.device | str = "cpu") -> TrainedDecoder:
    """Inverse of `save_decoder`, in evaluation mode on `device`; ValueError names a missing, broken or unfit file."""
    state, header = read_tensors(path, keys=("shapes", "kernel_size", "weight_tokens", "metadata"))
    try:
        return _rebuild(state, header, device)
    except (KeyError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a decoder that this version can load ({reason})") from error


def _rebuild(state: dict[str, torch.Tensor], header: Mapping[str, Any], device: torch.device | str) -> TrainedDecoder:
    with torch.device("meta"):
        decoder = HyperConvDecoder(header["shapes"], header["kernel_size"])
    decoder.load_state_dict(state, strict=True, assign=True)
    spec = WeightTokens.from_json(header["weight_tokens"])
    return TrainedDecoder(decoder.to(device).eval().requires_grad_(False), spec, header["metadata"])
