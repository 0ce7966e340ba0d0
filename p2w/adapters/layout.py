"""Ordered names and shapes of an adapter's tensors, and the flat vector they make."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

PEFT_PREFIX = "base_model.model."

# Module order and "A before B" as the official tokenizer sorts them (jerryliang24/Drag-and-Drop-LLMs, commit 60e2192).
MODULE_ORDER = ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "gate_proj", "down_proj")

_FACTOR = re.compile(r"(?P<module>.+)\.lora_(?P<factor>[AB])\.weight")


@dataclass(frozen=True)
class AdapterLayout:
    """What an adapter consists of: pairs `….lora_A.weight` (rank, in), `….lora_B.weight` (out, rank); published order.

    Names carry no `base_model.model.` prefix; methods that take tensors accept names with or without it.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.shapes):
            raise ValueError(f"layout: found {len(self.names)} names, {len(self.shapes)} shapes, expected as many, > 0")
        if list(self.names) != sorted(set(self.names), key=_sort_key):
            raise ValueError("layout: names are repeated or not in order (layer, module, A before B)")
        _check_pairs(dict(zip(self.names, self.shapes, strict=True)))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "AdapterLayout":
        """Layout of adapter tensors in any order; ValueError unless they are whole pairs of LoRA matrices."""
        shapes = {name.removeprefix(PEFT_PREFIX): tuple(tensor.shape) for name, tensor in tensors.items()}
        names = tuple(sorted(shapes, key=_sort_key))
        return cls(names, tuple(shapes[name] for name in names))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each tensor."""
        return tuple(math.prod(shape) for shape in self.shapes)

    @property
    def size(self) -> int:
        """Number of values of the whole adapter."""
        return sum(self.sizes)

    def flatten(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Tensors by name -> (size,) float32, in the order of the layout; ValueError unless all fit it."""
        tensors = {name.removeprefix(PEFT_PREFIX): tensor for name, tensor in tensors.items()}
        self._check(tensors)
        return torch.cat([tensors[name].reshape(-1).float() for name in self.names])

    def unflatten(self, flat: Tensor) -> dict[str, Tensor]:
        """Inverse of `flatten`: (size,) -> tensors by name, each with its own memory."""
        pieces = self.split(flat)
        return {
            name: piece.reshape(shape).clone()
            for name, shape, piece in zip(self.names, self.shapes, pieces, strict=True)
        }

    def split(self, flat: Tensor) -> tuple[Tensor, ...]:
        """(…, size) -> one view (…, size of the tensor) per tensor."""
        self.check_flat(flat)
        return flat.split(self.sizes, dim=-1)

    def check_flat(self, flat: Tensor) -> None:
        """ValueError unless the last axis has as many values as an adapter."""
        if flat.shape[-1] != self.size:
            raise ValueError(f"flat weights: found {flat.shape[-1]} values, expected {self.size}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON value; `from_json` reads it back."""
        return {"names": list(self.names), "shapes": [list(shape) for shape in self.shapes]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "AdapterLayout":
        """Inverse of `to_json`; ValueError on other keys or an invalid layout."""
        if set(value) != {"names", "shapes"}:
            raise ValueError(f"layout: found keys {sorted(value)}, expected ['names', 'shapes']")
        return cls(tuple(value["names"]), tuple(tuple(shape) for shape in value["shapes"]))

    def _check(self, tensors: Mapping[str, Tensor]) -> None:
        missing, unexpected = set(self.names) - set(tensors), set(tensors) - set(self.names)
        if missing:
            raise ValueError(f"adapter: missing {_some(missing)}; expected {len(self.names)} tensors")
        if unexpected:
            raise ValueError(f"adapter: unexpected {_some(unexpected)}; expected {len(self.names)} tensors")
        for name, shape in zip(self.names, self.shapes, strict=True):
            if tuple(tensors[name].shape) != shape:
                raise ValueError(f"{name}: found shape {tuple(tensors[name].shape)}, expected {shape}")


def check_layout(where: str, found: AdapterLayout, expected: AdapterLayout) -> None:
    """ValueError that names the first tensor in which two layouts differ."""
    shapes = dict(zip(found.names, found.shapes, strict=True))
    wanted = dict(zip(expected.names, expected.shapes, strict=True))
    for name in sorted(shapes.keys() | wanted.keys()):
        if shapes.get(name) != wanted.get(name):
            raise ValueError(f"{where}: {name}: found shape {shapes.get(name)}, expected {wanted.get(name)}")


def _check_pairs(shapes: Mapping[str, Sequence[int]]) -> None:
    for name, shape in shapes.items():
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"{name}: found shape {tuple(shape)}, expected a matrix")
        module, factor = _parse(name)
        other = f"{module}.lora_{'B' if factor == 'A' else 'A'}.weight"
        if other not in shapes:
            raise ValueError(f"adapter: missing {other!r}, the other half of {name!r}")
        rank, expected = (shape[0], shapes[other][1]) if factor == "A" else (shape[1], shapes[other][0])
        if rank != expected:
            raise ValueError(f"{name}: found rank {rank}, expected {expected} as in {other}")


def _parse(name: str) -> tuple[str, str]:
    match = _FACTOR.fullmatch(name)
    if match is None:
        raise ValueError(f"{name}: found no LoRA matrix, expected a name ending in lora_A.weight or lora_B.weight")
    return match["module"], match["factor"]


def _sort_key(name: str) -> tuple:
    module, factor = _parse(name)
    *path, leaf = module.split(".")
    layer = next((int(part) for part in path if part.isdecimal()), None)
    known = MODULE_ORDER.index(leaf) if leaf in MODULE_ORDER else len(MODULE_ORDER)
    natural = tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in path)
    return (layer is None, layer or 0, known, leaf, natural, factor)


def _some(names: set[str], limit: int = 3) -> str:
    shown = ", ".join(map(repr, sorted(names)[:limit]))
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
