"""A mixture of training adapters in which the reading of prompts is learned, and what is common to all mixtures.

As ridge regression (p2w/generators/ridge.py), but how much each token position counts, penalty and gain are parameters,
and so is a shift that every mixture gets. All is differentiable, so a loss of the adapter made for a task, from a
mixture without its own, trains what generalises: ridge regression as a layer whose solver is learned through, as in
Bertinetto et al. 2019 (arXiv 1805.08136). The shift alone would be one adapter for all tasks.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts
from p2w.generators.features import Part, position_features
from p2w.generators.ridge import Ridge


class Basis(nn.Module):
    """Mixtures of T adapters, by the features of T tasks' prompts.

    Args:
        features: of each task (T, K, C), a mean token state for each of K positions.
        weights: of each task's adapter (T, size).
        layout: what these are.
        config: where positions, penalty and gain begin.
    """

    def __init__(self, features: Tensor, weights: Tensor, layout: AdapterLayout, config: GeneratorConfig) -> None:
        super().__init__()
        self.layout, self.positions = layout, config.positions
        self.register_buffer("features", features.double())
        self.register_buffer("weights", weights)
        self.log_position = nn.Parameter(torch.zeros(features.shape[1], dtype=torch.float64))
        self.log_penalty = nn.Parameter(torch.tensor(config.penalty, dtype=torch.float64).log())
        self.log_gain = nn.Parameter(torch.tensor(config.gain, dtype=torch.float64).log())
        self.shift = nn.Parameter(torch.zeros_like(weights[0]))

    def reads(self, prompts: Prompts, chosen: Tensor) -> Tensor:
        """The mean state at each position (K, C) of prompts `chosen` (n,)."""
        return position_features(Part(prompts, chosen), self.positions)

    def groups(self, config: GeneratorConfig) -> list[dict[str, Any]]:
        """Parameters and the peak of their rate: what decides on shares, and what is added to every mixture."""
        mixture = [self.log_position, self.log_penalty, self.log_gain]
        return [
            {"params": mixture, "peak": config.learning_rate},
            {"params": [self.shift], "peak": config.shift_rate},
        ]

    def forward(self, asked: Tensor, known: Tensor) -> Tensor:
        """Adapters (Q, size) for features (Q, K, C), each a mixture of the tasks in its row of `known` (Q, T) bool."""
        shares = torch.stack([self.shares(features, own) for features, own in zip(asked, known, strict=True)])
        return shares.to(self.weights.dtype) @ self.weights + self.shift

    def shares(self, asked: Tensor, known: Tensor) -> Tensor:
        """Of each task (T,) in the adapter for features (K, C); 0 where not `known` (T,), 1 in all."""
        own = known.nonzero().squeeze(1)
        centre, mixing = self.mixing(own)
        found = mixing @ (asked.double() - centre).flatten()
        return torch.zeros(len(known), dtype=found.dtype, device=found.device).index_put(
            (own,), found - found.mean() + 1 / len(own)
        )

    def mixing(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Centre (K, C) of the features of the tasks `own` (n,) and the matrix (n, K·C) that leads from a distance to
        it to shares: (X Xᵀ / s + penalty · I)⁻¹ X / s · gain, X weighted by position, s its mean square norm."""
        chosen = self.features[own]
        centre = chosen.mean(0)
        position = self.log_position.exp()[:, None]
        weighted, plain = ((chosen - centre) * position).flatten(1), (chosen - centre).flatten(1)
        kernel = weighted @ plain.T
        scale = kernel.diagonal().mean()
        penalty = self.log_penalty.exp() * torch.eye(len(own), dtype=kernel.dtype, device=kernel.device)
        return centre, self.log_gain.exp() * torch.linalg.solve(kernel / scale + penalty, weighted / scale)

    @torch.no_grad()
    def fitted(self, num_prompts: int, metadata: dict[str, Any]) -> Ridge:
        """The same with all tasks known, as a generator: what was learned is in its mixing and its mean adapter."""
        centre, mixing = self.mixing(torch.arange(len(self.features), device=self.features.device))
        mean = self.weights.mean(0)
        learned: Mapping[str, Tensor] = {
            "features": centre.flatten().float(),
            "mixing": mixing.float().contiguous(),
            "weights_mean": mean + self.shift,
            "residuals": self.weights - mean,
        }
        parts = {name: tensor.cpu() for name, tensor in learned.items()}
        return Ridge(**parts, positions=self.positions, num_prompts=num_prompts, layout=self.layout, metadata=metadata)
