"""From prompts to the weights of an adapter, with a trained decoder."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from p2w.adapters.weight_tokens import WeightTokens
from p2w.generators.contract import Prompts, finite
from p2w.generators.hyperconv import HyperConvDecoder


def stream(seed: int, *path: int) -> int:
    """A seed for one use of `seed`, independent of its other uses."""
    return int(np.random.SeedSequence((seed, *path)).generate_state(1, np.uint64)[0] >> 1)


def pick_prompts(total: int, num_prompts: int, generator: Generator, task: str = "task") -> Tensor:
    """Distinct random prompts in random order: (num_prompts,) int64. Raises ValueError: the task has fewer prompts."""
    if total < num_prompts:
        raise ValueError(f"{task}: found {total} prompts, expected {num_prompts} or more")
    return torch.randperm(total, generator=generator)[:num_prompts]


def draw_condition(prompts: Prompts, num_prompts: int, seed: int, draw: int, device: torch.device | str) -> Tensor:
    """The condition (N, L, C) of one draw: other prompts for every draw, the same for the same seed."""
    chosen = pick_prompts(len(prompts), num_prompts, Generator().manual_seed(stream(seed, draw)))
    return prompts.gather(chosen.to(device)).to(device)


def mean_condition(prompts: Sequence[Prompts], num_prompts: int, block: int = 256) -> Tensor:
    """The condition (N, L, C) that says nothing: in every place the mean prompt, each task counting alike."""
    means = []
    for task in prompts:
        pieces = torch.arange(len(task)).split(block)
        means.append(sum(task.gather(piece).double().sum(0) for piece in pieces) / len(task))
    mean = torch.stack(means).mean(0).float()
    return mean.expand(num_prompts, *mean.shape)


@torch.no_grad()
def generate(decoder: HyperConvDecoder, spec: WeightTokens, condition: Tensor) -> Tensor:
    """Condition (N, L, C) -> flat adapter weights (size,) float32 on the CPU; FloatingPointError unless finite."""
    return finite(spec.detokenize(decoder(condition.unsqueeze(0)))[0])
