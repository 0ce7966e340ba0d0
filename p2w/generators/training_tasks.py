"""What a generator may learn from, all of it checked: checkpoints and prompts of tasks that are not held out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from p2w.adapters.checkpoints import CheckpointFiles
from p2w.prompts.states import read_embeddings_metadata

Headers = dict[Path, dict[str, Any]]  # file of prompts to what it says of itself


def training_inputs(
    held_out: Sequence[str], checkpoint_paths: Sequence[Path], embedding_paths: Sequence[Path]
) -> tuple[CheckpointFiles, Headers, dict[str, Any]]:
    """Checkpoints, what the files of prompts say, and the encoder of them all. Raises ValueError: checkpoints or
    prompts of a held-out task, adapters of different layouts, different encoders; names the task or the file."""
    checkpoints = CheckpointFiles(checkpoint_paths)
    headers = {path: read_embeddings_metadata(path) for path in embedding_paths}
    check_not_held_out("checkpoints", checkpoints, held_out)
    check_not_held_out("prompts", [found["task"] for found in headers.values()], held_out)
    return checkpoints, headers, check_encoders(headers)


def check_not_held_out(kind: str, tasks: Iterable[str], held_out: Collection[str]) -> None:
    """ValueError that names the first of `tasks` that is held out."""
    if seen := sorted(set(tasks) & set(held_out)):
        raise ValueError(f"found {kind} of the held-out task {seen[0]!r}, expected training tasks only")


def check_encoders(headers: Mapping[Path, Mapping[str, Any]]) -> dict[str, Any]:
    """The encoder of all files; ValueError that names the first one with another than the first file's."""
    encoders = {path: found["encoder"] for path, found in headers.items()}
    (first, encoder), *_ = encoders.items()
    for path, found in encoders.items():
        if found != encoder:
            raise ValueError(f"{path}: encoder: found {found!r}, expected {encoder!r} as in {first}")
    return encoder


def noted(
    held_out: Sequence[str],
    tasks: Iterable[str],
    adapter_config: Mapping[str, Any],
    encoder: Mapping[str, Any],
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """What every generator says of itself, given its provenance."""
    return {
        "held_out": list(held_out),
        "training_tasks": sorted(tasks),
        "adapter_config": adapter_config,
        "encoder": encoder,
        "provenance": record,
    }
