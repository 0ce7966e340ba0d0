"""Evaluation files as they are read: whole, and with what every reader of them needs."""

from pathlib import Path
from typing import Any

from p2w.runtime.seals import read_record

CONTENT = ("experiment", "held_out", "split", "n", "chance", "sources")


def read_evaluation(path: str | Path) -> dict[str, Any]:
    """An evaluation file; ValueError names it when it is damaged or something else."""
    evaluation = read_record(path)
    if missing := [key for key in CONTENT if key not in evaluation]:
        raise ValueError(f"{path}: found no {missing[0]!r}, expected an evaluation with {', '.join(CONTENT)}")
    return evaluation
