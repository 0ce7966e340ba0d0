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

from torch import Tensor
from torch.nn.functional import normalize

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts, finite
from p2w.generators.fitted_file import Fitted


@dataclass(frozen=True, kw_only=True)
class Retrieval(Fitted):
    """`directions` (tasks, d) are the tasks' features from their mean, of length 1, `adapters` (tasks, size) their mean
    weights; float32."""

    kind: ClassVar[str] = "retrieval"

    directions: Tensor
    adapters: Tensor
    temperature: float

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32; FloatingPointError unless finite."""
        return finite(self.shares(condition) @ self.adapters)

    def shares(self, condition: Tensor) -> Tensor:
        """How much of each training task is in the mixture, (tasks,), of condition (N, L, C)."""
        direction = normalize(self.read(condition) - self.features, dim=0)
        return (self.directions @ direction / self.temperature).softmax(0)

    def weights_of_no_prompt(self, _prompts: Sequence[Prompts]) -> Tensor:
        """The average adapter: the mean of the training tasks' features is as like one task as another."""
        return finite(self.adapters.mean(0))


def remember(
    config: GeneratorConfig, layout: AdapterLayout, X: Tensor, W: Tensor, num_prompts: int, metadata: dict[str, Any]
) -> Retrieval:
    """The mixtures of mean adapters W (tasks, size) by features X (tasks, d)."""
    features = X.mean(0)
    parts = {"directions": normalize(X - features, dim=1), "adapters": W, "temperature": config.temperature}
    given = {"positions": config.positions, "num_prompts": num_prompts, "layout": layout, "metadata": metadata}
    return Retrieval(features=features, **parts, **given)
