"""Every kind of generator that is trained by what its adapters are or do: how it begins, and what it is trained as."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.config.generator import GeneratorConfig
from p2w.generators.attention import Attention, states_of_tasks
from p2w.generators.basis import Basis
from p2w.generators.centroids import centroids_of, training_rows
from p2w.generators.contract import Generator, Prompts
from p2w.generators.decoder_file import TrainedDecoder, save_decoder
from p2w.generators.fitted_file import save_fitted
from p2w.generators.generation import stream
from p2w.generators.hypernetwork import HyperNetwork
from p2w.generators.learned_decoder import LearnedDecoder

INIT = 1  # use of the seed for first parameters; the steps' choices have the seed itself


class Learner(Protocol):
    """A module from prompts to adapters, with all that a step changes in its parameters."""

    def reads(self, prompts: Prompts, chosen: Tensor) -> Tensor:
        """What is asked for with the prompts `chosen` (n,) of a task; of the same shape for every task."""
        ...

    def __call__(self, asked: Tensor, known: Tensor) -> Tensor:
        """Adapters (Q, size) for what Q tasks ask for, made with nothing of training tasks that are not `known` (Q, T)
        where a kind can do without some."""
        ...

    def groups(self, config: GeneratorConfig) -> list[dict[str, Any]]:
        """Groups of parameters, `params`, and the `peak` of their rate."""
        ...

    def fitted(self, num_prompts: int, metadata: dict[str, Any]) -> Generator:
        """What it has become, as a generator in a file."""
        ...


class Given(NamedTuple):
    """What a learner begins from: settings, those of the decoder for a kind that is one, the training tasks' prompts
    and mean adapters (size,), and what these are."""

    config: GeneratorConfig
    decoder: DecoderConfig | None
    prompts: Mapping[str, Prompts]
    adapters: Mapping[str, Tensor]
    layout: AdapterLayout

    def rows(self) -> tuple[Tensor, Tensor]:
        """Features (T, K, C) by position, and adapters (T, size), tasks by name; ValueError as `centroids_of` and
        `training_rows`."""
        features, weights = training_rows(centroids_of(self.prompts, self.adapters), self.config.positions)
        return features.unflatten(1, (max(1, self.config.positions), -1)), weights

    def attention(self) -> Attention | None:
        """What begins as all prompts counting alike; none where it would stay so."""
        if not self.config.attention_rate:
            return None
        return Attention(states_of_tasks(self.prompts, self.config.positions), self.config.positions)


def _basis(given: Given, _seed: int) -> Basis:
    return Basis(*given.rows(), given.layout, given.config, given.attention())


def _hypernetwork(given: Given, seed: int) -> HyperNetwork:
    return HyperNetwork(*given.rows(), given.layout, given.config, seed, given.attention())


def _decoder(given: Given, seed: int) -> LearnedDecoder:
    if given.decoder is None:
        raise ValueError("decoder: found no settings of one, expected the architecture that is to be learned")
    spec = WeightTokens(given.layout, given.decoder.token_width, given.decoder.scales)
    prompt = next(iter(given.prompts.values())).gather(torch.zeros(1, dtype=torch.int64))[0]
    return LearnedDecoder(tuple(prompt.shape), spec, given.decoder, seed)


LEARNERS: dict[str, Callable[[Given, int], nn.Module]] = {
    "basis": _basis,
    "hypernetwork": _hypernetwork,
    "learned_decoder": _decoder,
}


def begin(given: Given, seed: int) -> nn.Module:
    """A learner of the kind that the settings name, before its first step."""
    return LEARNERS[given.config.kind](given, stream(seed, INIT))


def write_learned(path: Path, learned: Any) -> None:
    """Write what a learner has become."""
    save_decoder(path, learned) if isinstance(learned, TrainedDecoder) else save_fitted(path, learned)
