"""Every kind of generator that is trained by what its adapters are or do: how it begins, and what it is trained as."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.basis import Basis
from p2w.generators.fitted_file import Fitted
from p2w.generators.generation import stream
from p2w.generators.hypernetwork import HyperNetwork

INIT = 1  # use of the seed for first parameters; the steps' choices have the seed itself


class Learner(Protocol):
    """A module from features of prompts to adapters, with all that a step changes in its parameters."""

    def __call__(self, asked: Tensor, known: Tensor) -> Tensor:
        """Adapters (Q, size) for features (Q, K, C), made with nothing of training tasks that are not `known` (Q, T)
        where a kind can do without some."""
        ...

    def groups(self, config: GeneratorConfig) -> list[dict[str, Any]]:
        """Groups of parameters, `params`, and the `peak` of their rate."""
        ...

    def fitted(self, num_prompts: int, metadata: dict[str, Any]) -> Fitted:
        """What it has become, as a generator in a file."""
        ...


# From features (T, K, C) and mean adapters (T, size) of the training tasks, layout, settings, seed.
Begin = Callable[[Tensor, Tensor, AdapterLayout, GeneratorConfig, int], nn.Module]
LEARNERS: dict[str, Begin] = {
    "basis": lambda features, weights, layout, config, _seed: Basis(features, weights, layout, config),
    "hypernetwork": HyperNetwork,
}


def begin(features: Tensor, weights: Tensor, layout: AdapterLayout, config: GeneratorConfig, seed: int) -> nn.Module:
    """A learner of the kind that the settings name, before its first step."""
    return LEARNERS[config.kind](features, weights, layout, config, stream(seed, INIT))
