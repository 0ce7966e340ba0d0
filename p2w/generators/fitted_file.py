"""A generator in closed form as one file that holds everything needed to use it: a tensor or a value for each field."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.generators.attention import attended_features
from p2w.generators.features import condition_features
from p2w.runtime.four_bits import pack, unpack
from p2w.runtime.tensor_files import write_tensors


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A generator (`contract.py`) of tensors, numbers and texts that reads the mean prompt: what all kinds have.

    `features` (d,) float32 is the mean over the training tasks of those that `positions` last states have; with a
    `query` (K, C) float32 prompts count as it says, else all alike.
    """

    kind: ClassVar[str]

    features: Tensor
    positions: int
    num_prompts: int
    layout: AdapterLayout
    metadata: dict[str, Any]
    query: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where conditions are wanted: where it is itself."""
        return self.features.device

    def read(self, condition: Tensor) -> Tensor:
        """Features (d,) of a condition (N, L, C)."""
        if self.query is None:
            return condition_features(condition, self.positions)
        return attended_features(condition, self.query, self.positions).flatten()


# Of matrices in four bits: the key of the header that has their columns, and what their scales are called.
IN_FOUR_BITS, SCALES = "in_four_bits", ".scales"
F = TypeVar("F", bound=Fitted)


def save_fitted(path: str | Path, generator: Fitted, in_four_bits: Collection[str] = ()) -> None:
    """Write a generator's fields and kind; matrices that are named are in four bits. Equal input gives equal bytes."""
    named = {field.name: getattr(generator, field.name) for field in fields(generator)}
    values = {name: value for name, value in named.items() if value is not None}
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    rest = {name: value for name, value in values.items() if name not in tensors}
    sizes = {name: tensors[name].shape[1] for name in in_four_bits}
    for name in sizes:
        tensors[name], tensors[name + SCALES] = pack(tensors[name])
    header = {**rest, "kind": generator.kind, "layout": generator.layout.to_json()}
    write_tensors(path, tensors, {**header, IN_FOUR_BITS: sizes} if sizes else header)


def rebuild_fitted(form: type[F], tensors: Mapping[str, Tensor], header: Mapping[str, Any], _device: object) -> F:
    """Inverse of `save_fitted`, from what the file holds; KeyError, TypeError or ValueError for another one."""
    aligned = {name: tensor.clone() for name, tensor in tensors.items()}  # how a file lies would show in the last bit
    for name, size in header.get(IN_FOUR_BITS, {}).items():
        aligned[name] = unpack(aligned[name], aligned.pop(name + SCALES), size)
    needed = [field.name for field in fields(form) if field.default is MISSING or field.name in header]
    rest = {name: header[name] for name in needed if name not in tensors}
    return form(**{**aligned, **rest, "layout": AdapterLayout.from_json(header["layout"])})
