"""How near prompts are to the tasks that a generator learned from, by the measure of the control `nearest_prompts`."""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from p2w.using.generator_folder import TrainingTasks


def similarities(tasks: TrainingTasks, mean: Tensor) -> dict[str, float]:
    """Cosine of the mean prompt (C,) and that of each training task, the nearest first."""
    found = cosine_similarity(tasks.means, mean, dim=1).tolist()
    return dict(sorted(zip(tasks.names, found, strict=True), key=lambda item: -item[1]))


def least_usual(tasks: TrainingTasks) -> float:
    """The similarity of the training task that is furthest from all others to the nearest of them: prompts that are
    still further from all are unlike anything that the generator learned from."""
    units = normalize(tasks.means)
    between = units @ units.T - 2 * torch.eye(len(units))  # of a task and itself less than any
    return float(between.max(1).values.min())
