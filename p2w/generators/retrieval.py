"""From prompts to weights without a fit: the training tasks' adapters, mixed by how like theirs the prompts are.

With features x of the prompts and xₜ of training task t, both minus the mean over the training tasks, and Wₜ the mean
of the task's checkpoints,

    W(x) = Σₜ aₜ Wₜ,  a = softmax(cos(x, xₜ) / temperature):

attention over the training tasks, as matching networks have it (Vinyals et al. 2016, arXiv 1606.04080, equations 1 and
2). As the temperature goes to 0 it is the adapter of the nearest task, as it grows the average of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts, finite
from p2w.generators.features import condition_features


@dataclass(frozen=True)
class Retrieval:
    """`features` (d,) is the mean over the tasks, `directions` (tasks, d) their features from there, of length 1,
    `adapters` (tasks, size) their mean weights; float32."""

    kind: ClassVar[str] = "retrieval"

    features: Tensor
    directions: Tensor
    adapters: Tensor
    temperature: float
    positions: int
    num_prompts: int
    layout: AdapterLayout
    metadata: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where conditions are wanted: it is all in memory, and little."""
        return self.adapters.device

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32; FloatingPointError unless finite."""
        return finite(self.shares(condition) @ self.adapters)

    def shares(self, condition: Tensor) -> Tensor:
        """How much of each training task is in the mixture, (tasks,), of condition (N, L, C)."""
        direction = normalize(condition_features(condition, self.positions) - self.features, dim=0)
        return (self.directions @ direction / self.temperature).softmax(0)

    def weights_of_no_prompt(self, _prompts: Sequence[Prompts]) -> Tensor:
        """The average adapter: the mean of the training tasks' features is as like one task as another."""
        return finite(self.adapters.mean(0))


def remember(
    config: GeneratorConfig, layout: AdapterLayout, X: Tensor, W: Tensor, num_prompts: int, metadata: dict[str, Any]
) -> Retrieval:
    """The mixtures of mean adapters W (tasks, size) by features X (tasks, d)."""
    features = X.mean(0)
    kept = (features, normalize(X - features, dim=1), W)
    return Retrieval(*kept, config.temperature, config.positions, num_prompts, layout, metadata)
