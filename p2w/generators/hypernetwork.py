"""From prompts to weights with a network that makes each module's two matrices, told which module it is.

Text-to-LoRA's kind, its form L (Charakorn et al. 2025, arXiv 2506.06105, section 3): features of the prompts, an
embedding of the kind of module and one of its layer go through residual blocks, and a linear head for each kind makes
A, another one B. There a sentence describes the task; here it is the mean states of its prompts. What the heads make is
measured from the training tasks' mean adapter, in units of the spread of each matrix; heads begin at zero, so that an
untrained network makes the mean adapter of every prompt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.attention import Attention, Reader
from p2w.generators.contract import Prompts, finite
from p2w.generators.fitted_file import Fitted

EMBEDDING = 32  # values that say which module it is, and as many for its layer
BLOCKS = 3
_LAYER = re.compile(r"\.(\d+)\.")
_TINY = torch.finfo(torch.float32).tiny


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class ModuleNetwork(nn.Module):
    """Features (Q, d) -> every value of Q adapters (Q, size), matrix by matrix in the order of the layout."""

    def __init__(self, dim: int, layout: AdapterLayout, width: int) -> None:
        super().__init__()
        names = [_LAYER.sub(".", name, count=1).replace(".", "/") for name in layout.names]
        self.kinds = [f"{name}/{size}" for name, size in zip(names, layout.sizes, strict=True)]
        layers = [int(found[1]) if (found := _LAYER.search(name)) else 0 for name in layout.names]
        modules = [name.rsplit("/lora_", 1)[0] for name in names]
        numbers = {module: number for number, module in enumerate(dict.fromkeys(modules))}
        self.places: list[tuple[int, int]] = [(numbers[m], layer) for m, layer in zip(modules, layers, strict=True)]
        self.task = nn.Linear(dim, width)
        self.module = nn.Embedding(len(numbers), EMBEDDING)
        self.layer = nn.Embedding(max(layers) + 1, EMBEDDING)
        self.join = nn.Linear(width + 2 * EMBEDDING, width)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(BLOCKS)), nn.LayerNorm(width))
        sizes = dict(zip(self.kinds, layout.sizes, strict=True))
        self.heads = nn.ModuleDict({kind: nn.Linear(width, size) for kind, size in sizes.items()})

    def forward(self, features: Tensor) -> Tensor:
        places = sorted(set(self.places))
        modules, layers = torch.tensor(places, device=features.device).unbind(1)
        where = torch.cat([self.module(modules), self.layer(layers)], -1).expand(len(features), -1, -1)
        task = self.task(features)[:, None].expand(-1, len(places), -1)
        states = self.blocks(self.join(torch.cat([task, where], -1)))
        found = zip(self.kinds, self.places, strict=True)
        return torch.cat([self.heads[kind](states[:, places.index(at)]) for kind, at in found], -1)

    @torch.no_grad()
    def begin(self, seed: int) -> None:
        """Draw every parameter on the CPU, as torch does; zero in the heads."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for module in self.modules():
                if isinstance(module, (nn.Linear, nn.Embedding, nn.LayerNorm)):
                    module.reset_parameters()
        for head in self.heads.values():
            for parameter in head.parameters():
                parameter.zero_()


def build_network(dim: int, layout: AdapterLayout, width: int) -> ModuleNetwork:
    """A network whose parameters are still to be given values."""
    with torch.device("meta"):  # no random number is drawn
        network = ModuleNetwork(dim, layout, width)
    return network.to_empty(device="cpu")


class HyperNetwork(Reader):
    """The network with what its input and output are measured by, as it is trained.

    Args:
        features: of each training task (T, K, C), a mean token state for each of K positions.
        weights: of each task's adapter (T, size).
        layout: what these are.
        config: how wide the network is.
        seed: of its first parameters.
        attention: where it is learned how much each prompt counts.
    """

    def __init__(
        self,
        features: Tensor,
        weights: Tensor,
        layout: AdapterLayout,
        config: GeneratorConfig,
        seed: int,
        attention: Attention | None = None,
    ) -> None:
        super().__init__(config.positions, attention)
        flat = features.flatten(1)
        self.layout = layout
        self.register_buffer("features", flat.mean(0))
        self.register_buffer("spread", (flat - flat.mean(0)).square().mean().sqrt().clamp(min=_TINY))
        self.register_buffer("weights_mean", weights.mean(0))
        self.register_buffer("scales", _spread_of_matrices(layout, weights))
        self.network = build_network(flat.shape[1], layout, config.width)
        self.network.begin(seed)

    def forward(self, asked: Tensor, _known: Tensor) -> Tensor:
        """Adapters (Q, size) for features (Q, K, C); which training tasks may be used is the mixtures' affair."""
        made = self.network((asked.flatten(1) - self.features) / self.spread)
        return self.weights_mean + made * _by_value(self.layout, self.scales)

    def groups(self, config: GeneratorConfig) -> list[dict[str, Any]]:
        """Parameters and the peak of their rate."""
        network = {"params": list(self.network.parameters()), "peak": config.learning_rate}
        return [network, *self.attention_groups(config)]

    @torch.no_grad()
    def fitted(self, num_prompts: int, metadata: dict[str, Any]) -> "FittedNetwork":
        """What it has become, as a generator."""
        parts = {name: tensor.detach().cpu() for name, tensor in self.named_buffers(recurse=False)}
        network = parameters_to_vector(self.network.parameters()).cpu()
        width = self.network.task.out_features
        return FittedNetwork(**parts, **self.query(), network=network, width=width, positions=self.positions,
                             num_prompts=num_prompts, layout=self.layout, metadata=metadata)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FittedNetwork(Fitted):
    """`spread` () of the training tasks' features, `weights_mean` (size,) and `scales` (matrices,) of their adapters,
    the parameters of `network` one after the other; float32."""

    kind: ClassVar[str] = "hypernetwork"

    spread: Tensor
    weights_mean: Tensor
    scales: Tensor
    network: Tensor
    width: int

    def weights(self, condition: Tensor) -> Tensor:
        """Condition (N, L, C) -> flat weights (size,) float32; FloatingPointError unless finite."""
        return self._made(self.read(condition))

    def weights_of_no_prompt(self, _prompts: Sequence[Prompts]) -> Tensor:
        """What it makes of the mean of the training tasks' features."""
        return self._made(self.features)

    @torch.no_grad()
    def _made(self, features: Tensor) -> Tensor:
        made = self._built(((features - self.features) / self.spread)[None])[0]
        return finite(self.weights_mean + made * _by_value(self.layout, self.scales))

    @cached_property
    def _built(self) -> ModuleNetwork:
        network = build_network(len(self.features), self.layout, self.width)
        found, expected = len(self.network), sum(parameter.numel() for parameter in network.parameters())
        if found != expected:
            raise ValueError(f"network: found {found} parameters, expected {expected}")
        vector_to_parameters(self.network, network.parameters())
        return network


def _spread_of_matrices(layout: AdapterLayout, weights: Tensor) -> Tensor:
    """Root mean square, over tasks and values, of each matrix's distance to the mean of all (matrices,)."""
    pieces = layout.split(weights - weights.mean(0))
    return torch.stack([piece.square().mean().sqrt() for piece in pieces])


def _by_value(layout: AdapterLayout, scales: Tensor) -> Tensor:
    """One number for each matrix -> the same for each of its values (size,)."""
    return scales.repeat_interleave(torch.tensor(layout.sizes, device=scales.device))
