"""Checkpoints that P2W did not train, such as those of the published data sets, in the table of those it did.

    {folder}/*.pt, *.bin, *.safetensors   one adapter each, in natural order (checkpoint-9 before checkpoint-10)

Names may carry PEFT's prefix `base_model.model.` and its adapter name `.default`, or neither. Pickled files are read
as tensors only: code inside them is refused, not run.
"""

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p2w.adapters.checkpoints import Block, write_blocks
from p2w.adapters.layout import PEFT_PREFIX, AdapterLayout, check_layout
from p2w.adapters.peft_folder import adapter_config_json, check_adapter, peft_config
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings
from p2w.runtime.finite import check_finite
from p2w.runtime.tensor_files import read_foreign_tensors

PICKLED = (".pt", ".bin")
SUFFIXES = (".safetensors", *PICKLED)


def checkpoint_files(folder: str | Path) -> list[Path]:
    """Adapter files directly in `folder`, in natural order; ValueError when there are none."""
    if not Path(folder).is_dir():
        raise ValueError(f"{folder}: no such folder; expected one of checkpoints")
    files = sorted((path for path in Path(folder).glob("*") if path.suffix in SUFFIXES), key=_natural)
    if not files:
        raise ValueError(f"{folder}: found no checkpoints, expected files that end with {', '.join(SUFFIXES)}")
    return files


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts], path.name


def import_checkpoints(
    folder: str | Path,
    output: str | Path,
    task: str,
    base: BaseModel,
    lora: LoraSettings,
    provenance: dict[str, Any],
) -> None:
    """Write the adapters in `folder` as the checkpoint table of `task`: epoch 1, step = place in the order, no loss.

    `lora.alpha` has to be the one they were trained with; no file of tensors says it. Raises ValueError: no file, an
    unreadable one, code instead of tensors, tensors of another layout or rank; names the file.
    """
    files = checkpoint_files(folder)
    first = read_foreign_adapter(files[0])
    layout = AdapterLayout.from_tensors(first)
    adapter_config = _adapter_config(files[0], layout, base, lora)
    check_adapter(str(files[0]), first, adapter_config)
    write_blocks(output, task, None, layout, adapter_config, _blocks(files, layout), provenance)


def _blocks(files: list[Path], layout: AdapterLayout) -> Iterator[Block]:
    for step, path in enumerate(files, 1):
        tensors = read_foreign_adapter(path)
        check_layout(str(path), AdapterLayout.from_tensors(tensors), layout)
        yield Block(1, [step], [None], layout.flatten(tensors).unsqueeze(0))


def _adapter_config(path: Path, layout: AdapterLayout, base: BaseModel, lora: LoraSettings) -> dict[str, Any]:
    found = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in layout.names}
    if lora.target_modules != "all-linear" and set(lora.target_modules) != found:
        raise ValueError(f"{path}: found modules {sorted(found)}, expected {sorted(lora.target_modules)}")
    config = adapter_config_json(peft_config(lora, base.name, base.revision))
    return {**config, "target_modules": sorted(found)}


def read_foreign_adapter(path: str | Path) -> dict[str, Tensor]:
    """Float32 tensors of one adapter file by the names P2W uses; ValueError names the file."""
    path = Path(path)
    stored = _load_pickled(path) if path.suffix in PICKLED else read_foreign_tensors(path)
    for name, tensor in stored.items():
        if not tensor.is_floating_point() or tensor.layout != torch.strided:
            raise ValueError(f"{path}: {name}: found {tensor.dtype}, {tensor.layout}, expected plain real numbers")
    tensors = {_bare(name): tensor.float() for name, tensor in stored.items()}
    check_finite(path, tensors)
    if len(tensors) != len(stored):
        raise ValueError(f"{path}: found {len(stored)} tensors under {len(tensors)} names, expected one adapter")
    try:
        AdapterLayout.from_tensors(tensors)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return tensors


def _bare(name: str) -> str:
    return re.sub(r"(\.lora_[AB])\.[^.]+\.weight$", r"\1.weight", name.removeprefix(PEFT_PREFIX))


def _load_pickled(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):  # the unpickler's doubts about a broken file
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: holds more than tensors, or is no checkpoint; it was not loaded") from error
    except OSError:
        raise
    except Exception as error:  # the unpickler raises whatever the bytes of a broken file lead it to
        raise ValueError(f"{path}: not a readable checkpoint ({type(error).__name__}: {str(error)[:200]})") from error
    named = isinstance(stored, Mapping) and all(isinstance(name, str) for name in stored)
    if not named or not all(isinstance(tensor, Tensor) for tensor in stored.values()):
        raise ValueError(f"{path}: found {type(stored).__name__}, expected tensors by name")
    return dict(stored)
