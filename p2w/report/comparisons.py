"""Comparisons of an evaluation file, over several held-out tasks: mean difference and its interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from p2w.evaluation.source_names import METHOD


@dataclass(frozen=True)
class Difference:
    """Accuracy of the generated adapters minus that of another source; `interval` is None if it is not known."""

    mean: float
    interval: tuple[float, float] | None
    tasks: int = 1

    @property
    def sign(self) -> int:
        """1 or -1 if the interval excludes 0, else 0."""
        low, high = self.interval or (0.0, 0.0)
        return (low > 0) - (high < 0)


def of_task(evaluation: Mapping[str, Any], other: str) -> Difference | None:
    """Generated minus `other` on one held-out task; without predictions of `other` the interval is not known."""
    sources = evaluation["sources"]
    if other not in sources or METHOD not in sources:
        return None
    if found := evaluation.get("comparisons", {}).get(other):
        return Difference(found["difference"], tuple(found["ci95"]))
    return Difference(sources[METHOD]["accuracy"] - sources[other]["accuracy"], None)


def over_tasks(evaluations: Sequence[Mapping[str, Any]], other: str) -> Difference | None:
    """Mean difference over the held-out tasks that have both sources.

    The tasks are taken as given and their rows as independent samples: the variance of the mean is that of the tasks'
    differences, summed, over the square of their number. Each is read off its own interval as if that were normal.
    """
    found = [difference for evaluation in evaluations if (difference := of_task(evaluation, other))]
    if not found:
        return None
    mean = sum(difference.mean for difference in found) / len(found)
    if any(difference.interval is None for difference in found):
        return Difference(mean, None, len(found))
    widths = [high - low for low, high in (difference.interval for difference in found)]
    half = math.hypot(*widths) / (2 * len(found))
    return Difference(mean, (mean - half, mean + half), len(found))
