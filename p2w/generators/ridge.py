"""From prompts to weights in closed form: ridge regression on the mean prompt, one row for each training task.

With the training tasks' features X (tasks, d) and mean adapters W (tasks, size), both centred, features x lead to

    mean(W) + gain · Wᵀ k,  k = (X Xᵀ / s + penalty · I)⁻¹ X x / s,

where x is centred too and s is the mean square norm of X's rows: ridge regression in its dual form (Hoerl and Kennard
1970, doi:10.1080/00401706.1970.10488634). What is generated is a mixture of the training adapters; `gain` undoes some
of the penalty's shrinking towards their mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts, finite
from p2w.generators.fitted_file import Fitted


@dataclass(frozen=True, kw_only=True)
class Ridge(Fitted):
    """`weights_mean` (size,) is the mean over the tasks, `mixing` (tasks, d) and `residuals` (tasks, size); float32.
    W(x) = weights_mean + residualsᵀ mixing (x - features)."""

    kind: ClassVar[str] = "ridge"

    mixing: Tensor
    weights_mean: Tensor
    residuals: Tensor

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32; FloatingPointError unless finite."""
        shares = self.mixing @ (self.read(condition) - self.features)
        return finite(self.weights_mean + shares @ self.residuals)

    def weights_of_no_prompt(self, _prompts: Sequence[Prompts]) -> Tensor:
        """The mean adapter, which the mean of the training tasks' features leads to."""
        return finite(self.weights_mean)


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
    parts = {"mixing": mixing.float().contiguous(), "weights_mean": mean, "residuals": W - mean}  # as they will be read
    given = {"positions": config.positions, "num_prompts": num_prompts, "layout": layout, "metadata": metadata}
    return Ridge(features=features.float(), **parts, **given)
