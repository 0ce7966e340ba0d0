"""How near prompts are to the tasks that a generator learned from, by the measure of the control `nearest_prompts`."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from p2w.prompts.states import PromptStates
from p2w.using.generator_folder import TrainingTasks


def similarities(tasks: TrainingTasks, mean: Tensor) -> dict[str, float]:
    """Cosine of the mean prompt (C,) and that of each training task, the nearest first."""
    found = cosine_similarity(tasks.means, mean, dim=1).tolist()
    return dict(sorted(zip(tasks.names, found, strict=True), key=lambda item: -item[1]))


def least_usual(tasks: TrainingTasks, count: int) -> float:
    """How near so many prompts of a task may be expected to be to the nearest training task, at least: fewer are unlike
    anything that the generator learned from.

    All prompts of a task are as near as the training task that is furthest from all others is to the nearest of them.
    The mean of `count` is longer, by chance: its expected square is 1 + scatter / count times as large.
    """
    units = normalize(tasks.means)
    between = units @ units.T - 2 * torch.eye(len(units))  # of a task and itself less than any
    return float(between.max(1).values.min()) / math.sqrt(1 + float(tasks.scatter.mean()) / count)


def scatter_of(prompts: PromptStates) -> Tensor:
    """Mean square distance of a task's prompts from their mean, () float32, in units of the square of this mean."""
    means = torch.stack([states.float().mean(0) for states in prompts.flat.split(prompts.offsets.diff().tolist())])
    centre = means.mean(0)
    return (means - centre).square().sum(1).mean() / centre.square().sum()
