"""A difference over held-out tasks where everything is resampled that might have been otherwise.

The hierarchical bootstrap (Davison and Hinkley 1997, section 3.8): tasks with replacement, decoder seeds, draws of
prompts within a seed, and the rows of each task. Seeds are resampled in common, for tasks that are held out together
have their generators in common. An interval over few tasks is somewhat narrow: what was not sampled is not resampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from p2w.evaluation.paired import RESAMPLES, resampled_differences

Pair = tuple[np.ndarray, np.ndarray]  # right answers of a generator and of another source to the rows of one task


@dataclass(frozen=True)
class Difference:
    """Mean difference over tasks, its 95 % percentile interval, and two-sided p of no difference."""

    mean: float
    interval: tuple[float, float]
    p: float
    tasks: int


def difference_over_tasks(pairs: Sequence[Pair], seed: int, resamples: int = RESAMPLES) -> Difference:
    """A generator minus another source over held-out tasks, each a pair of (seeds, draws, rows) bool.

    p is twice the share of resamples on the other side of 0, at least 2 / (resamples + 1). Raises ValueError: fewer
    than two tasks.
    """
    if len(pairs) < 2:
        raise ValueError(f"found {len(pairs)} tasks, expected at least 2 to resample")
    generator = np.random.default_rng(seed)
    counts = sorted({len(ours) for ours, _ in pairs})
    seeds = {count: generator.integers(count, size=(resamples, count)) for count in counts}
    found = [resampled_differences(*pair, generator, resamples, seeds[len(pair[0])]) for pair in pairs]
    chosen = generator.integers(len(pairs), size=(resamples, len(pairs)))
    means = np.take_along_axis(np.stack(found, axis=1), chosen, axis=1).mean(1).round(12)  # sums that cancel out are 0
    low, high = np.quantile(means, [0.025, 0.975])
    beyond = 1 + min((means <= 0).sum(), (means >= 0).sum())
    mean = float(np.mean([ours.mean() - theirs.mean() for ours, theirs in pairs]))
    return Difference(mean, (float(low), float(high)), float(min(1.0, 2 * beyond / (resamples + 1))), len(pairs))
