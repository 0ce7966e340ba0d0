"""Numbers of evaluation files over several held-out tasks: mean, intervals over rows and over tasks, p."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import permutation_test, sem, t

from p2w.evaluation.source_names import METHOD

Interval = tuple[float, float]
# Changes of sign that are tried: all of them for up to 16 tasks, a seeded choice for more.
RESAMPLES = 2**16


@dataclass(frozen=True)
class Mean:
    """A number's mean over held-out tasks; an interval is None if it is not known.

    `interval` takes the tasks as given and their rows as independent samples, `over_tasks` the tasks as a sample of
    tasks like them; `p` is that of no mean at all over such tasks.
    """

    mean: float
    interval: Interval | None
    tasks: int = 1
    over_tasks: Interval | None = None
    p: float | None = None

    @property
    def sign(self) -> int:
        """1 or -1 if the interval over rows excludes 0, else 0."""
        low, high = self.interval or (0.0, 0.0)
        return (low > 0) - (high < 0)


def comparisons(evaluation: Mapping[str, Any], generator: str = METHOD) -> Mapping[str, Any]:
    """What an evaluation file has of a generator against other sources, by source."""
    if generator == METHOD:
        return evaluation.get("comparisons", {})
    return evaluation.get("comparisons_of", {}).get(generator, {})


def of_task(evaluation: Mapping[str, Any], other: str, generator: str = METHOD) -> Mean | None:
    """A generator minus `other` on one held-out task; without predictions of `other` the interval is not known."""
    sources = evaluation["sources"]
    if other not in sources or generator not in sources:
        return None
    if found := comparisons(evaluation, generator).get(other):
        return Mean(found["difference"], tuple(found["ci95"]))
    return Mean(sources[generator]["accuracy"] - sources[other]["accuracy"], None)


def over_tasks(evaluations: Sequence[Mapping[str, Any]], other: str, generator: str = METHOD) -> Mean | None:
    """A generator minus `other`, over the held-out tasks that have both."""
    return _over([of_task(evaluation, other, generator) for evaluation in evaluations], least=-1.0)


def accuracy_over_tasks(evaluations: Sequence[Mapping[str, Any]], source: str) -> Mean | None:
    """Accuracy of a source, over the held-out tasks that have it."""
    found = [evaluation["sources"].get(source) for evaluation in evaluations]
    return _over([Mean(result["accuracy"], tuple(result["ci95"])) for result in found if result], least=0.0)


def _over(by_task: Sequence[Mean | None], least: float) -> Mean | None:
    """The mean of tasks, of numbers from `least` to 1.

    The interval over rows recovers each task's variances, below and above, from its own interval (Zou and Donner 2008,
    doi:10.1002/sim.3095); that over tasks is Student's, and p that of Fisher's test by random signs.
    """
    found = [one for one in by_task if one]
    if not found:
        return None
    values = np.array([one.mean for one in found])
    mean, n = float(values.mean()), len(found)
    rows = None
    if all(one.interval for one in found):
        below, above = (math.dist(values, [one.interval[end] for one in found if one.interval]) / n for end in (0, 1))
        rows = (mean - below, mean + above)
    if n == 1:
        return Mean(mean, rows)
    half = float(t.ppf(0.975, n - 1) * sem(values))
    signs = {"permutation_type": "samples", "vectorized": True, "n_resamples": RESAMPLES, "rng": 0}
    p = float(min(1.0, permutation_test((values,), np.mean, **signs).pvalue))
    return Mean(mean, rows, n, (max(least, mean - half), min(1.0, mean + half)), p)
