"""What made an artifact: config, seed, code, library versions, input hashes. Nothing about the host."""

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from p2w.runtime.code import stage_script
from p2w.runtime.files import sha256
from p2w.runtime.known_code import known_code_hash

RUN_FILE = "run.json"  # beside what it tells of
LIBRARIES = ("torch", "transformers", "peft", "sentence-transformers", "huggingface-hub", "safetensors",
             "datasets", "pandas", "pyarrow", "numpy")  # fmt: skip


def provenance(
    stage: str, config: Mapping[str, Any], inputs: Iterable[str | Path] = (), seed: int | None = None
) -> dict[str, Any]:
    """Record of how an artifact came to be, as plain JSON values: by which command, from which part of the
    configuration, which files (hashed by content), and which seed if randomness was given to it."""
    return {
        "made_by": stage_script(stage),
        "config": dict(config),
        "seed": seed,
        "code_sha256": known_code_hash(stage),
        "versions": versions(),
        "inputs": input_hashes(inputs),
    }


def input_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """Path to sha256 of every file, sorted."""
    return {Path(path).as_posix(): sha256(path) for path in sorted(map(str, paths))}


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries whose behaviour shapes results; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
