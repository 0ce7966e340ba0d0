"""A generator of any kind from its file, which says what it is."""

from pathlib import Path

import torch

from p2w.generators.contract import Generator
from p2w.generators.kinds import KINDS
from p2w.runtime.tensor_files import read_tensors


def load_generator(path: str | Path, device: torch.device | str = "cpu") -> Generator:
    """The generator ready for use, one that computes much on `device`; ValueError names a missing, broken or unfit
    file."""
    tensors, header = read_tensors(path, keys=("kind", "metadata"))
    try:
        if header["kind"] not in KINDS:
            raise ValueError(f"kind {header['kind']!r}")
        return KINDS[header["kind"]](tensors, header, device)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a generator that this version can load ({reason})") from error
