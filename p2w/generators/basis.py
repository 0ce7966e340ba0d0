"""A mixture of training adapters in which the reading of prompts is learned, and what is common to all mixtures.

As ridge regression (p2w/generators/ridge.py), but how much each token position counts, penalty and gain are parameters,
and so is a shift that every mixture gets. All is differentiable, so a loss of the adapter made for a task, from a
mixture without its own, trains what generalises: ridge regression as a layer whose solver is learned through, as in
Bertinetto et al. 2019 (arXiv 1805.08136). The shift alone would be one adapter for all tasks. Where few of a task's
prompts say what is wanted, how much each of them counts can be learned too (p2w/generators/attention.py).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.attention import Attention, Reader
from p2w.generators.ridge import Ridge


class Basis(Reader):
    """Mixtures of T adapters, by the features of T tasks' prompts.

    Args:
        features: of each task (T, K, C), a mean token state for each of K positions.
        weights: of each task's adapter (T, size).
        layout: what these are.
        config: where positions, penalty and gain begin.
        attention: where it is learned how much each prompt counts; `features` are not read then.
    """

    def __init__(
        self,
        features: Tensor,
        weights: Tensor,
        layout: AdapterLayout,
        config: GeneratorConfig,
        attention: Attention | None = None,
    ) -> None:
        super().__init__(config.positions, attention)
        self.layout = layout
        self.register_buffer("features", features.double())
        self.register_buffer("weights", weights)
        self.log_position = nn.Parameter(torch.zeros(features.shape[1], dtype=torch.float64))
        self.log_penalty = nn.Parameter(torch.tensor(config.penalty, dtype=torch.float64).log())
        self.log_gain = nn.Parameter(torch.tensor(config.gain, dtype=torch.float64).log())
        self.shift = nn.Parameter(torch.zeros_like(weights[0]))

    def of_tasks(self) -> Tensor:
        """Features (T, K, C) of all prompts of the training tasks."""
        return self.attention.features().double() if self.attention else self.features

    def groups(self, config: GeneratorConfig) -> list[dict[str, Any]]:
        """Parameters and the peak of their rate: what decides on shares, and what is added to every mixture."""
        mixture = [self.log_position, self.log_penalty, self.log_gain]
        return [
            {"params": mixture, "peak": config.learning_rate},
            {"params": [self.shift], "peak": config.shift_rate},
            *self.attention_groups(config),
        ]

    def forward(self, asked: Tensor, known: Tensor) -> Tensor:
        """Adapters (Q, size) for features (Q, K, C), each a mixture of the tasks in its row of `known` (Q, T) bool."""
        tasks = self.of_tasks()
        shares = torch.stack([self.shares(tasks, features, own) for features, own in zip(asked, known, strict=True)])
        return shares.to(self.weights.dtype) @ self.weights + self.shift

    def shares(self, tasks: Tensor, asked: Tensor, known: Tensor) -> Tensor:
        """Of each task with its features (T, K, C), (T,), in the adapter for features (K, C); 0 where not `known` (T,),
        1 in all."""
        own = known.nonzero().squeeze(1)
        centre, mixing = self.mixing(tasks[own])
        found = mixing @ (asked.double() - centre).flatten()
        return torch.zeros(len(known), dtype=found.dtype, device=found.device).index_put(
            (own,), found - found.mean() + 1 / len(own)
        )

    def mixing(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Centre (K, C) of the features of tasks (n, K, C) and the matrix (n, K·C) that leads from a distance to it to
        shares: (X Xᵀ / s + penalty · I)⁻¹ X / s · gain, X weighted by position, s its mean square norm."""
        centre = chosen.mean(0)
        position = self.log_position.exp()[:, None]
        weighted, plain = ((chosen - centre) * position).flatten(1), (chosen - centre).flatten(1)
        kernel = weighted @ plain.T
        scale = kernel.diagonal().mean()
        penalty = self.log_penalty.exp() * torch.eye(len(chosen), dtype=kernel.dtype, device=kernel.device)
        return centre, self.log_gain.exp() * torch.linalg.solve(kernel / scale + penalty, weighted / scale)

    @torch.no_grad()
    def fitted(self, num_prompts: int, metadata: dict[str, Any]) -> Ridge:
        """The same with all tasks known, as a generator: what was learned is in its mixing and its mean adapter."""
        centre, mixing = self.mixing(self.of_tasks())
        mean = self.weights.mean(0)
        learned: Mapping[str, Tensor] = {
            "features": centre.flatten().float(),
            "mixing": mixing.float().contiguous(),
            "weights_mean": mean + self.shift,
            "residuals": self.weights - mean,
            **self.query(),
        }
        parts = {name: tensor.cpu() for name, tensor in learned.items()}
        return Ridge(**parts, positions=self.positions, num_prompts=num_prompts, layout=self.layout, metadata=metadata)
