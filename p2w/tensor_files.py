"""Tensors with a JSON explanation in one safetensors file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from p2w.files import atomic_path

# One key only: safetensors writes several metadata keys in an arbitrary order, and a rerun must give the same bytes.
METADATA_KEY = "p2w"


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and JSON values; the file appears whole and equal input gives equal bytes."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        save_file(whole, temporary, metadata={METADATA_KEY: text})


def read_tensors(path: str | Path, names: Sequence[str] | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Inverse of `write_tensors`, of all tensors or of those named.

    Raises:
        ValueError: the file is missing, broken or not of P2W; names it.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in (file.keys() if names is None else names)}
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error}); remove it and run again") from error
    if METADATA_KEY not in metadata:
        raise ValueError(f"{path}: no {METADATA_KEY!r} metadata; it was not written by P2W")
    return tensors, json.loads(metadata[METADATA_KEY])
