"""Tensors with a JSON explanation in one safetensors file."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from p2w.runtime.files import atomic_path
from p2w.runtime.seals import BLANK, SEAL, Sealed, Span, check_seal, stamp

# One key only: safetensors writes several metadata keys in an arbitrary order, and a rerun must give the same bytes.
METADATA_KEY = "p2w"


def _head(file: BinaryIO, _size: int) -> Span:
    """The length of the header (8 bytes) and the header."""
    file.seek(0)
    return 0, 8 + int.from_bytes(file.read(8), "little")


# The explanation is JSON inside a string of the header's JSON.
TENSORS = Sealed(_head, json.dumps(f'"{SEAL}": "')[1:-1].encode())


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and JSON values with a seal; the file appears whole and equal input gives equal bytes."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({**metadata, SEAL: BLANK}, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        with _system_errors(path):
            save_file(whole, temporary, metadata={METADATA_KEY: text})
        stamp(temporary, TENSORS)


@contextmanager
def _system_errors(path: str | Path) -> Iterator[None]:
    """What safetensors says about a full disk, as Python says it."""
    try:
        yield
    except SafetensorError as error:
        if number := re.search(r"os error (\d+)", str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise


def read_tensors(
    path: str | Path, names: Sequence[str] | None = None, keys: Collection[str] = ()
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Inverse of `write_tensors`, of all tensors or of those named; without any, only the metadata is read.

    `keys` are what the metadata must have, for there are several kinds of such files. Raises ValueError: the file is
    missing, damaged or of another kind; names it.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    check_seal(path, TENSORS, whole=names is None or len(names) > 0)
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()[METADATA_KEY])
        missing = [*sorted(set(keys) - set(metadata)), *sorted(set(names or ()) - set(file.keys()))]
        if missing:
            raise ValueError(f"{path}: found no {missing[0]!r}, expected a file of another kind")
        tensors = {name: file.get_tensor(name) for name in (file.keys() if names is None else names)}
    return tensors, {key: value for key, value in metadata.items() if key != SEAL}


def read_foreign_tensors(path: str | Path) -> dict[str, Tensor]:
    """All tensors of any safetensors file; ValueError names it when it is not one or not whole."""
    try:
        return load_file(path)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error})") from error
