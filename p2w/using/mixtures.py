"""Training tasks' own adapters, and how much of each is in a generated one, where a generator mixes them."""

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
    if (parts := _mean_and_residuals(generator)) is None:
        return None
    mean, residuals = parts
    found = _shares(residuals, flat - mean)
    shares = found if tasks.mixture is None else tasks.mixture.double() @ found
    return _by_share(tasks, shares - shares.mean() + 1 / len(shares))


def own_adapter(generator: Generator, tasks: TrainingTasks, name: str) -> Tensor | None:
    """Flat weights (size,) of a training task's own adapter, as far as the generator's directions hold it; None unless
    it mixes them. That of a basis generator has the shift that all its mixtures have."""
    position = tasks.names.index(name)
    if (adapters := getattr(generator, "adapters", None)) is not None:
        return adapters[position]
    parts = _mean_and_residuals(generator)
    if parts is None or (tasks.mixture is not None and tasks.own is None):
        return None
    mean, residuals = parts
    return mean + (residuals[position] if tasks.own is None else tasks.own[position] @ residuals)


def _mean_and_residuals(generator: Generator) -> tuple[Tensor, Tensor] | None:
    mean, residuals = getattr(generator, "weights_mean", None), getattr(generator, "residuals", None)
    return None if mean is None or residuals is None else (mean, residuals)


def _shares(rows: Tensor, flat: Tensor) -> Tensor:
    """How much of each row (n, size) is in flat weights (size,), (n,) float64: residuals of all tasks sum to zero, so
    their Gram matrix is singular, and the solution is that of least norm."""
    rows = rows.double()
    return torch.linalg.lstsq(rows @ rows.T, rows @ flat.double(), driver="gelsd").solution


def _by_share(tasks: TrainingTasks, shares: Tensor) -> dict[str, float]:
    return dict(sorted(zip(tasks.names, shares.tolist(), strict=True), key=lambda item: -item[1]))
