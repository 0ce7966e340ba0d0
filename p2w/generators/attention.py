"""Which prompts count: features in which each prompt of a set weighs as much as a query says.

In the mean of a task's prompts the few that say what is wanted drown in the many that do not. As attention over the
instances of a bag, of which few tell its label (Ilse et al. 2018, arXiv 1802.04712, equation 8), with a linear score:

    x = Σᵢ aᵢ xᵢ,  a = softmax over prompts of ⟨query, xᵢ⟩.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts
from p2w.generators.features import Part, last_states, position_features


def attend(last: Tensor, query: Tensor) -> Tensor:
    """Features (…, K, C) of sets of prompts, by their states at the K last positions (…, N, K, C), zero where there are
    none, and the query (K, C). At each position a prompt counts that has one; one that has none is no prompt."""
    there = last.ne(0).any(-1)
    scores = (last * query).sum((-2, -1)).masked_fill(~there.any(-1), -torch.inf)
    weights = scores.softmax(-1)[..., None] * there
    total = weights.sum(-2).clamp(min=torch.finfo(last.dtype).tiny)
    return (weights[..., None] * last).sum(-3) / total[..., None]


def attended_features(condition: Tensor, query: Tensor, positions: int) -> Tensor:
    """The same (K, C) of a condition (N, L, C), from so many last states."""
    return attend(last_states(condition, positions)[0], query)


class Attention(nn.Module):
    """A query that is learned, and the training tasks' prompts, whose features change with it.

    Args:
        states: of each task's prompts (T, N, K, C), zero where there are none.
        positions: last states that these are; 0 for mean states.
    """

    def __init__(self, states: Tensor, positions: int) -> None:
        super().__init__()
        self.positions = positions
        there = states[states.ne(0).any(-1)]
        self.register_buffer("states", states)
        self.register_buffer("spread", (there - there.mean(0)).square().mean().sqrt())
        self.query_in_spreads = nn.Parameter(torch.zeros_like(states[0, 0]))

    def query(self) -> Tensor:
        """By which prompts count (K, C)."""
        return self.query_in_spreads / self.spread

    def features(self) -> Tensor:
        """Of every training task (T, K, C)."""
        return attend(self.states, self.query())

    def reads(self, condition: Tensor) -> Tensor:
        """Features (K, C) of a condition (N, L, C)."""
        return attended_features(condition.to(self.states.device), self.query(), self.positions)


class Reader(nn.Module):
    """A learner that reads the mean state at each of the last positions, of prompts that count alike or by attention.

    Args:
        positions: last states that are read; 0 for mean states.
        attention: of so many, or none.
    """

    def __init__(self, positions: int, attention: Attention | None) -> None:
        super().__init__()
        self.positions, self.attention = positions, attention

    def reads(self, prompts: Prompts, chosen: Tensor) -> Tensor:
        """Features (K, C) of prompts `chosen` (n,)."""
        if self.attention:
            return self.attention.reads(prompts.gather(chosen))
        return position_features(Part(prompts, chosen), self.positions)

    def attention_groups(self, config: GeneratorConfig) -> list[dict[str, Any]]:
        """Its parameters and the peak of their rate, if there is one."""
        return [{"params": list(self.attention.parameters()), "peak": config.attention_rate}] if self.attention else []

    def query(self) -> dict[str, Tensor]:
        """What a generator in a file has of it."""
        return {"query": self.attention.query().detach().cpu()} if self.attention else {}


def states_of_tasks(prompts: Mapping[str, Prompts], positions: int) -> Tensor:
    """What `attend` reads of every task's prompts, tasks by name: (T, N, K, C), N as many as the most of a task."""
    each = (prompts[task].gather(torch.arange(len(prompts[task]))) for task in sorted(prompts))
    return pad_sequence([last_states(states, positions)[0] for states in each], batch_first=True)
