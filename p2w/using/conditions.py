"""Any number of prompts as the condition of a generator, which was fitted for a certain one."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from p2w.generators.contract import Generator
from p2w.generators.generation import stream
from p2w.generators.hypernetwork import FittedNetwork
from p2w.generators.retrieval import Retrieval
from p2w.generators.ridge import Ridge
from p2w.prompts.states import PromptStates

MEANS = (Ridge, Retrieval, FittedNetwork)  # kinds that read the mean of their prompts, and so take any number of them
MOST = 1024  # prompts that are read: more of them change a mean by little, and memory grows with each


def some_of(texts: Sequence[str], seed: int) -> list[str]:
    """MOST of the prompts at most, a seeded choice in their order."""
    if len(texts) <= MOST:
        return list(texts)
    kept = np.random.default_rng(seed).choice(len(texts), size=MOST, replace=False)
    return [texts[number] for number in np.sort(kept)]


def condition_of(generator: Generator, prompts: PromptStates, seed: int) -> Tensor:
    """The condition (N, L, C) float32 that one or more prompts make.

    N is what the generator was fitted for, a seeded choice as in draw 0 of the workflow; fewer prompts are repeated,
    each as often as any other but for one, in random order. Kinds of MEANS take as many as there are.
    """
    chosen = _chosen(len(prompts), wanted_of(generator, len(prompts)), seed)
    return prompts.gather(chosen).to(generator.device)


def wanted_of(generator: Generator, found: int) -> int:
    """How many prompts a condition has, given how many were found."""
    return found if isinstance(generator, MEANS) else generator.num_prompts


def _chosen(total: int, wanted: int, seed: int) -> Tensor:
    """(wanted,) int64: the prompts in random order, and again and again until there are enough."""
    random = torch.Generator().manual_seed(stream(seed, 0))
    rounds = [torch.randperm(total, generator=random) for _ in range(math.ceil(wanted / total))]
    return torch.cat(rounds)[:wanted]
