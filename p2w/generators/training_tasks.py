"""What a generator may learn from, all of it checked: checkpoints and prompts of tasks that are not held out."""

from collections.abc import Mapping, Sequence
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
    for kind, tasks in (("checkpoints", set(checkpoints)), ("prompts", {found["task"] for found in headers.values()})):
        if seen := sorted(tasks & set(held_out)):
            raise ValueError(f"found {kind} of the held-out task {seen[0]!r}, expected training tasks only")
    encoders = {path: found["encoder"] for path, found in headers.items()}
    encoder = encoders[embedding_paths[0]]
    for path, found in encoders.items():
        if found != encoder:
            raise ValueError(f"{path}: encoder: found {found!r}, expected {encoder!r} as in {embedding_paths[0]}")
    return checkpoints, headers, encoder


def noted(
    held_out: Sequence[str], checkpoints: CheckpointFiles, encoder: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, Any]:
    """What every generator says of itself, given its provenance."""
    return {
        "held_out": list(held_out),
        "training_tasks": sorted(checkpoints),
        "adapter_config": checkpoints.adapter_config,
        "encoder": encoder,
        "provenance": record,
    }
