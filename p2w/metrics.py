"""Numbers of the evaluation file, from predictions: accuracy, validity, choice accuracy, intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from p2w.answers import INVALID

AVERAGED = ("accuracy", "valid", "accuracy_when_valid", "choice_accuracy")


def score(answers: pd.DataFrame) -> dict[str, Any]:
    """Metrics of one adapter (or of the base model) from its answers; `accuracy_when_valid` is 0 if none is valid."""
    right = answers["prediction"] == answers["gold"]
    valid = answers["prediction"] != INVALID
    accuracy = float(right.mean())
    return {
        "accuracy": accuracy,
        "valid": float(valid.mean()),
        "accuracy_when_valid": float(right[valid].mean()) if valid.any() else 0.0,
        "choice_accuracy": float((answers["choice"] == answers["gold"]).mean()),
        "ci95": wilson(accuracy, len(answers)),
    }


def wilson(share: float, n: int, z: float = 1.959964) -> list[float]:
    """95 % score interval of a share of n rows (Wilson 1927), [low, high]."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # It always holds the share itself; rounding must not push the share of 0 or of 1 out.
    return [max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))]


def average(scores: Sequence[Mapping[str, Any]], n: int) -> dict[str, Any]:
    """Mean metrics over adapters scored on the same n rows; the interval is that of n rows at the mean accuracy."""
    means = {key: sum(score[key] for score in scores) / len(scores) for key in AVERAGED}
    return {**means, "ci95": wilson(means["accuracy"], n), "adapters": len(scores)}


def spread(values: Sequence[float]) -> float:
    """Sample standard deviation; 0 for a single value."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
