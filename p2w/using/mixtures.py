"""How much of each training task's adapter is in a generated one, where a generator mixes them."""

import torch
from torch import Tensor

from p2w.generators.contract import Generator
from p2w.using.generator_folder import TrainingTasks


def mixture(generator: Generator, tasks: TrainingTasks, flat: Tensor) -> dict[str, float] | None:
    """Shares of the training tasks' adapters in flat weights (size,) that the generator made, which sum to 1; None
    unless it mixes them: mean + residualsᵀ s with `weights_mean` (size,) and `residuals` (tasks or K, size).

    A share may be negative or above 1: the mixture is linear, not an average.
    """
    mean, residuals = getattr(generator, "weights_mean", None), getattr(generator, "residuals", None)
    if mean is None or residuals is None:
        return None
    rows = residuals.double()
    # Residuals of all tasks sum to zero, so their Gram matrix is singular: the solution of least norm.
    found = torch.linalg.lstsq(rows @ rows.T, rows @ (flat.double() - mean.double()), driver="gelsd").solution
    shares = found if tasks.mixture is None else tasks.mixture.double() @ found
    shares = shares - shares.mean() + 1 / len(shares)
    return dict(sorted(zip(tasks.names, shares.tolist(), strict=True), key=lambda item: -item[1]))
