"""Numbers of the evaluation file, from predictions: accuracies, validity, confusion, intervals, spread."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from p2w.evaluation.answers import INVALID, officially_right

AVERAGED = ("accuracy", "valid", "accuracy_when_valid", "choice_accuracy", "acc", "acc_norm", "choice_text_accuracy",
            "official")  # fmt: skip


def is_free(answers: pd.DataFrame) -> bool:
    """Whether answers are to questions without choices: then they were judged when they were given."""
    return "right" in answers


def right(answers: pd.DataFrame) -> pd.Series:
    """Which answers are right."""
    return answers["right"] if is_free(answers) else answers["prediction"] == answers["gold"]


def score(answers: pd.DataFrame) -> dict[str, Any]:
    """Metrics of one adapter (or of the base model) from its answers; `accuracy_when_valid` is 0 if none is valid.

    Free answers have neither likelihoods nor positions.
    """
    correct, free = right(answers), is_free(answers)
    valid = answers["valid"] if free else answers["prediction"] != INVALID
    accuracy = float(correct.mean())
    result = {
        "accuracy": accuracy,
        "valid": float(valid.mean()),
        "accuracy_when_valid": float(correct[valid].mean()) if valid.any() else 0.0,
        "ci95": wilson(accuracy, len(answers)),
    }
    return result if free else {**result, **_by_choice(answers)}


def _by_choice(answers: pd.DataFrame) -> dict[str, Any]:
    """Metrics that only answers by choices have."""
    result = {"choice_accuracy": float((answers["choice"] == answers["gold"]).mean()), **harness_accuracies(answers)}
    if "choice_text" in answers:
        result["choice_text_accuracy"] = float((answers["choice_text"] == answers["gold"]).mean())
    official = sum(map(officially_right, answers["text"], answers["response"])) / len(answers)
    return {**result, "official": official, "confusion": confusion(answers)}


def harness_accuracies(answers: pd.DataFrame) -> dict[str, float]:
    """`acc` and `acc_norm` as lm-evaluation-harness 0.4.13 counts them (lm_eval/api/task.py, lines 1490 to 1546).

    The most likely response, the end of the turn left out, and the one most likely per character (not byte or token);
    the first of equals. An empty response, which the harness refuses, is last.
    """
    found = []
    for gold, scores, sizes in answers[["gold", "likelihoods_without_end", "characters"]].itertuples(index=False):
        lengths = np.asarray(sizes)
        sums = np.where(lengths > 0, np.asarray(scores, dtype=np.float64), -np.inf)
        found.append((sums.argmax() == gold, (sums / np.maximum(lengths, 1)).argmax() == gold))
    return dict(zip(("acc", "acc_norm"), np.mean(found, axis=0).tolist(), strict=True))


def confusion(answers: pd.DataFrame) -> list[list[int]]:
    """Counts of rows by gold position (lists) and predicted position (entries); the last entry counts invalid ones."""
    labels = int(answers["choices"].max())
    counts = np.zeros((labels, labels + 1), dtype=int)
    columns = answers["prediction"].replace(INVALID, labels)
    np.add.at(counts, (answers["gold"].to_numpy(), columns.to_numpy()), 1)
    return counts.tolist()


def majority(answers: pd.DataFrame) -> dict[str, Any]:
    """The most frequent right position (the first of equals) and the accuracy of always choosing it.

    Of free answers the most frequent right text, and how frequent it is.
    """
    if is_free(answers):
        [(text, count)] = Counter(answers["response"]).most_common(1)
        return {"answer": text, "accuracy": count / len(answers)}
    counts = np.bincount(answers["gold"].to_numpy())
    label = int(counts.argmax())
    return {"label": label, "accuracy": float(counts[label] / len(answers))}


def wilson(share: float, n: int, z: float = 1.959964) -> list[float]:
    """95 % score interval of a share of n rows (Wilson 1927), [low, high]."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # It always holds the share itself; rounding must not push the share of 0 or of 1 out.
    return [max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))]


def average(scores: Sequence[Mapping[str, Any]], n: int) -> dict[str, Any]:
    """Mean metrics and summed confusion over adapters that answered the same n rows.

    The interval is that of n rows at the mean accuracy: it speaks of the rows, `spread` of the adapters.
    """
    means = {key: sum(score[key] for score in scores) / len(scores) for key in AVERAGED if key in scores[0]}
    result = {**means, "ci95": wilson(means["accuracy"], n), "adapters": len(scores)}
    if "confusion" in scores[0]:
        result["confusion"] = np.sum([score["confusion"] for score in scores], axis=0).tolist()
    return result


def spread(values: Sequence[float]) -> float:
    """Sample standard deviation; 0 for a single value."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))


def spread_over_draws(by_seed: Sequence[Sequence[float]]) -> float:
    """Standard deviation between draws of the same decoder: root of the mean of the decoders' variances."""
    return math.sqrt(sum(spread(values) ** 2 for values in by_seed) / len(by_seed))


def spread_over_seeds(by_seed: Sequence[Sequence[float]]) -> float:
    """Standard deviation between decoders, each taken as the mean of its draws."""
    return spread([sum(values) / len(values) for values in by_seed])
