"""From prompts to weights in closed form: ridge regression on the mean prompt, one row for each training task.

With the training tasks' features X (tasks, d) and mean adapters W (tasks, size), both centred, features x lead to

    mean(W) + gain · Wᵀ k,  k = (X Xᵀ / s + penalty · I)⁻¹ X x / s,

where x is centred too and s is the mean square norm of X's rows: ridge regression in its dual form (Hoerl and Kennard
1970, doi:10.1080/00401706.1970.10488634). What is generated is a mixture of the training adapters; `gain` undoes some
of the penalty's shrinking towards their mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts, finite
from p2w.runtime.finite import check_finite
from p2w.runtime.tensor_files import write_tensors

KIND = "ridge"
BLOCK = 256  # prompts whose states are in memory at once


@dataclass(frozen=True)
class Ridge:
    """`features` (d,) and `weights_mean` (size,) are means over the tasks, `mixing` (tasks, d) and `residuals` (tasks,
    size) float32: W(x) = weights_mean + residualsᵀ mixing (x - features)."""

    features: Tensor
    mixing: Tensor
    weights_mean: Tensor
    residuals: Tensor
    positions: int
    num_prompts: int
    layout: AdapterLayout
    metadata: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where conditions are wanted: it is all in memory, and little."""
        return self.residuals.device

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32; FloatingPointError unless finite."""
        shares = self.mixing @ (_features(_sums(condition, self.positions)) - self.features)
        return finite(self.weights_mean + shares @ self.residuals)

    def weights_of_no_prompt(self, _prompts: Sequence[Prompts]) -> Tensor:
        """The mean adapter, which the mean of the training tasks' features leads to."""
        return finite(self.weights_mean)


def fit_ridge(
    config: GeneratorConfig,
    layout: AdapterLayout,
    prompts: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    num_prompts: int,
    metadata: dict[str, Any],
) -> Ridge:
    """Fit on the prompts of each task and the mean of its checkpoints (n, size), looked up one task at a time.

    Raises ValueError: prompts and checkpoints of different tasks, fewer than two of them, a checkpoint that is not
    finite.
    """
    if set(prompts) != set(checkpoints) or len(prompts) < 2:
        raise ValueError(f"ridge: found prompts of {sorted(prompts)}, checkpoints of {sorted(checkpoints)}, "
                         "expected both of the same two or more tasks")  # fmt: skip
    tasks = sorted(prompts)
    X = torch.stack([task_features(prompts[task], config.positions) for task in tasks])
    W = torch.stack([_mean_weights(task, checkpoints[task]) for task in tasks])
    return regress(config, layout, X, W, num_prompts, metadata)


def regress(
    config: GeneratorConfig, layout: AdapterLayout, X: Tensor, W: Tensor, num_prompts: int, metadata: dict[str, Any]
) -> Ridge:
    """The regression of mean adapters W (tasks, size) on features X (tasks, d)."""
    features, mean = X.double().mean(0), W.mean(0)
    X = X.double() - features
    kernel = X @ X.T
    scale = kernel.diagonal().mean().clamp(min=torch.finfo(torch.float64).tiny)
    penalty = config.penalty * torch.eye(len(X), dtype=torch.float64)
    mixing = config.gain * torch.linalg.solve(kernel / scale + penalty, X / scale)
    learnt = (features.float(), mixing.float().contiguous(), mean, W - mean)  # in memory as they will be read
    return Ridge(*learnt, config.positions, num_prompts, layout, metadata)


def _mean_weights(task: str, flat: Tensor) -> Tensor:
    mean = flat.float().mean(0)
    check_finite(f"checkpoints of {task}", {"weights": mean})
    return mean


def task_features(prompts: Prompts, positions: int) -> Tensor:
    """Features of all prompts of a task, (d,)."""
    blocks = [_sums(prompts.gather(piece), positions) for piece in torch.arange(len(prompts)).split(BLOCK)]
    sums, counts = (torch.stack(part).sum(0) for part in zip(*blocks, strict=True))
    return _features((sums, counts))


def _sums(states: Tensor, positions: int) -> tuple[Tensor, Tensor]:
    """Over prompts (N, L, C), sums (K, C) and counts (K, 1) of the states at each of the K last positions, from the end
    on; without positions of each prompt's mean state, K = 1. A prompt has ended where all that follows is zero."""
    inside = states.ne(0).any(-1)
    lengths = inside.sum(-1)
    if not positions:
        known = lengths > 0
        return (states.sum(1)[known] / lengths[known, None]).sum(0, keepdim=True), known.sum().view(1, 1)
    places = lengths[:, None] - 1 - torch.arange(positions)
    there = places >= 0
    last = states.gather(1, places.clamp(min=0)[..., None].expand(-1, -1, states.shape[-1])) * there[..., None]
    return last.sum(0), there.sum(0)[:, None]


def _features(sums: tuple[Tensor, Tensor]) -> Tensor:
    """Mean state at each position, one after the other; zero where no prompt is so long."""
    total, count = sums
    return (total / count.clamp(min=1)).flatten()


def save_ridge(path: str | Path, ridge: Ridge) -> None:
    """Write everything that generation needs; equal input gives equal bytes."""
    header = {
        "kind": KIND,
        "positions": ridge.positions,
        "num_prompts": ridge.num_prompts,
        "layout": ridge.layout.to_json(),
        "metadata": ridge.metadata,
    }
    tensors = {name: getattr(ridge, name) for name in ("features", "mixing", "weights_mean", "residuals")}
    write_tensors(path, tensors, header)


def rebuild_ridge(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Ridge:
    """Inverse of `save_ridge`, from what the file holds; KeyError or ValueError for another one."""
    layout = AdapterLayout.from_json(header["layout"])
    aligned = {name: tensor.clone() for name, tensor in tensors.items()}  # how a file lies would show in the last bit
    return Ridge(**aligned, **{key: header[key] for key in ("positions", "num_prompts", "metadata")}, layout=layout)
