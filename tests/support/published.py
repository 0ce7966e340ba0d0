"""Names of the official decoder's parameters (jerryliang24/Drag-and-Drop-LLMs, commit 60e2192) and ours."""

import re
from collections.abc import Mapping

from torch import Tensor

# Inside one block: official name -> ours.
PARAMETER_NAMES = {
    "linear1.norm.weight": "hyper.norm.weight",
    "linear1.norm.bias": "hyper.norm.bias",
    "linear1.conv1w.weight": "hyper.width_first.width.weight",
    "linear1.conv1h.weight": "hyper.width_first.height.weight",
    "linear1.conv2h.weight": "hyper.height_first.height.weight",
    "linear1.conv2w.weight": "hyper.height_first.width.weight",
    "linear1.bias": "hyper.bias",
    "linear2.weight": "channel.weight",
    "linear2.bias": "channel.bias",
}

_OFFICIAL = re.compile(r"decoder\.module_list\.(?P<block>\d+)\.(?P<parameter>.+)")


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official state dict -> state dict of our HyperConvDecoder; load it with strict=True.

    Raises:
        ValueError: a name the official decoder does not have, or a block without one of its parameters.
    """
    converted = {_convert(name): tensor for name, tensor in state.items()}
    blocks = {name.split(".")[1] for name in converted}
    expected = {f"blocks.{block}.{parameter}" for block in blocks for parameter in PARAMETER_NAMES.values()}
    if missing := sorted(expected - set(converted)):
        raise ValueError(f"published decoder: missing the counterparts of {', '.join(missing)}")
    return converted


def _convert(name: str) -> str:
    match = _OFFICIAL.fullmatch(name)
    if match is None or match["parameter"] not in PARAMETER_NAMES:
        raise ValueError(f"published decoder: found unexpected {name!r}, expected 'decoder.module_list.N.' and one of "
                         f"{', '.join(PARAMETER_NAMES)}")  # fmt: skip
    return f"blocks.{match['block']}.{PARAMETER_NAMES[match['parameter']]}"
