"""Two sources that answered the same rows: difference, paired bootstrap interval, exact McNemar test.

A source is a boolean array (seeds, draws, rows): which adapter, by decoder seed and draw, was right about which row.
"""

from typing import Any

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 2000
# Numbers held at once while resampling rows: small enough for a processor's cache, large enough for numpy to be fast.
_AT_ONCE = 200_000


def compare(generated: np.ndarray, other: np.ndarray, seed: int, resamples: int = RESAMPLES) -> dict[str, Any]:
    """One entry of the evaluation file's comparisons: positive differences speak for `generated`.

    Both are right answers, (seeds, draws, rows) bool; the same rows in the same order. `seed` is that of the
    bootstrap's resamples. Raises ValueError: another number of axes, no adapter or row, different numbers of rows.
    """
    for name, right in (("generated", generated), ("other", other)):
        if right.ndim != 3 or right.size == 0:
            raise ValueError(f"{name}: found shape {right.shape}, expected (seeds, draws, rows), none of them 0")
    if generated.shape[-1] != other.shape[-1]:
        raise ValueError(f"found {generated.shape[-1]} and {other.shape[-1]} rows, expected the same rows")
    ours, theirs = majority_right(generated), majority_right(other)
    ours_only, theirs_only = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return {
        "difference": float(generated.mean() - other.mean()),
        "ci95": bootstrap_interval(generated, other, seed, resamples),
        "mcnemar_p": mcnemar(ours_only, theirs_only),
        "generated_only": ours_only,
        "other_only": theirs_only,
        "n": generated.shape[-1],
    }


def majority_right(right: np.ndarray) -> np.ndarray:
    """(seeds, draws, rows) -> (rows,) bool: right in more than half of the adapters; a tie is wrong."""
    adapters = right.reshape(-1, right.shape[-1])
    return 2 * adapters.sum(0) > len(adapters)


def mcnemar(first_only: int, second_only: int) -> float:
    """Exact two-sided p (McNemar 1947): of the rows where just one is right, each is either's with probability 1/2."""
    discordant = first_only + second_only
    return float(binomtest(first_only, discordant).pvalue) if discordant else 1.0


def bootstrap_interval(first: np.ndarray, second: np.ndarray, seed: int, resamples: int = RESAMPLES) -> list[float]:
    """95 % percentile interval (Efron 1979) of the difference in mean accuracy, [low, high].

    Each resample draws rows with replacement, the same for both sources, and adapters: decoder seeds, then draws
    within a seed. A source with a single adapter has no adapters to resample: the interval is about that adapter.
    """
    found = resampled_differences(first, second, np.random.default_rng(seed), resamples)
    low, high = np.quantile(found, [0.025, 0.975])
    return [float(low), float(high)]


def resampled_differences(
    first: np.ndarray,
    second: np.ndarray,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    seeds: np.ndarray | None = None,
) -> np.ndarray:
    """Differences in mean accuracy (resamples,) as `bootstrap_interval` draws them.

    `seeds` (resamples, seeds of the first) are the decoder seeds of the first source in each resample, where they were
    drawn before.
    """
    weights = _adapter_weights(first.shape[:2], second.shape[:2], generator, resamples, seeds)
    adapters = np.concatenate([right.reshape(-1, right.shape[-1]) for right in (first, second)])
    accuracies = _resampled_accuracies(adapters, generator, resamples)
    return (weights * accuracies).sum(1)


def _adapter_weights(
    first: tuple[int, ...],
    second: tuple[int, ...],
    generator: np.random.Generator,
    resamples: int,
    seeds: np.ndarray | None,
) -> np.ndarray:
    """(resamples, adapters of both): shares of the first source's adapters, minus those of the second's.

    Sources with as many seeds come from the same decoders, and with as many draws too, from the same prompts: what
    they have in common is resampled in common. Where they have nothing in common this does no harm.
    """
    if seeds is None:
        seeds = generator.integers(first[0], size=(resamples, first[0]))
    ours = _shares(seeds, first[1], generator)
    if first == second:
        return np.concatenate([ours, -ours], axis=1)
    if first[0] != second[0]:
        seeds = generator.integers(second[0], size=(resamples, second[0]))
    return np.concatenate([ours, -_shares(seeds, second[1], generator)], axis=1)


def _shares(seeds: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """How much of each resample is each adapter, (resamples, seeds · draws), given which seeds it has."""
    resamples, count = seeds.shape
    chosen = seeds[:, :, None] * draws + generator.integers(draws, size=(resamples, count, draws))
    return _count(chosen.reshape(resamples, -1), count * draws) / (count * draws)


def _resampled_accuracies(adapters: np.ndarray, generator: np.random.Generator, resamples: int) -> np.ndarray:
    """(adapters, rows) -> (resamples, adapters): accuracies on rows drawn with replacement."""
    rows = adapters.shape[1]
    right = adapters.T.astype(float)
    step = max(1, _AT_ONCE // rows)
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    counts = [_count(generator.integers(rows, size=(size, rows)), rows) @ right for size in sizes]
    return np.concatenate(counts) / rows


def _count(chosen: np.ndarray, among: int) -> np.ndarray:
    """(N, K) positions -> (N, among): how often each position occurs in each row."""
    offsets = np.arange(len(chosen))[:, None] * among
    return np.bincount((chosen + offsets).ravel(), minlength=len(chosen) * among).reshape(len(chosen), among)
