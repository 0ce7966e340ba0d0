"""How much of each training task's adapter is in a generated one, where a generator mixes them."""

import torch
from torch import Tensor

from p2w.generators.contract import Generator
from p2w.using.generator_folder import TrainingTasks


def mixture(generator: Generator, tasks: TrainingTasks, flat: Tensor) -> dict[str, float] | None:
    """Shares of the training tasks' adapters in flat weights (size,) that the generator made, which sum to 1; None
    unless it mixes them: mean + residualsᵀ s with `weights_mean` (size,) and `residuals` (tasks or K, size), or
    adaptersᵀ s with `adapters` (tasks, size).

    A share of the first kind may be negative or above 1: the mixture is linear, not an average.
    """
    if (adapters := getattr(generator, "adapters", None)) is not None:
        return _by_share(tasks, _shares(adapters, flat))
    mean, residuals = getattr(generator, "weights_mean", None), getattr(generator, "residuals", None)
    if mean is None or residuals is None:
        return None
    found = _shares(residuals, flat - mean)
    shares = found if tasks.mixture is None else tasks.mixture.double() @ found
    return _by_share(tasks, shares - shares.mean() + 1 / len(shares))


def _shares(rows: Tensor, flat: Tensor) -> Tensor:
    """How much of each row (n, size) is in flat weights (size,), (n,) float64: residuals of all tasks sum to zero, so
    their Gram matrix is singular, and the solution is that of least norm."""
    rows = rows.double()
    return torch.linalg.lstsq(rows @ rows.T, rows @ flat.double(), driver="gelsd").solution


def _by_share(tasks: TrainingTasks, shares: Tensor) -> dict[str, float]:
    return dict(sorted(zip(tasks.names, shares.tolist(), strict=True), key=lambda item: -item[1]))
