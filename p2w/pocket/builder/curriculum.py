"""What the pocket base model learns, in which order. Skipping a phase leaves it at chance on choosing a label."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from p2w.pocket.builder.drills import Drills, Piece


@dataclass(frozen=True)
class Phase:
    """Drills by weight, for at most `steps`; over early when its accuracy reaches `enough`."""

    name: str
    weights: Mapping[str, float]
    steps: int
    enough: float | None = None
    decay: bool = False


PHASES: tuple[Phase, ...] = (
    Phase("copy", {"copy": 1.0}, 1500, enough=0.9),
    Phase("label_next", {"label_next": 0.9, "copy": 0.1}, 1500, enough=0.95),
    Phase("label_after", {"label_after": 0.8, "label_next": 0.2}, 3000, enough=0.97),
    Phase("label_before", {"label_before": 0.7, "label_after": 0.3}, 4000, enough=0.97),
    Phase("list_questions", {"label_before": 0.15, "facts": 0.35, "list_questions": 0.4, "yes_no": 0.1}, 1500),
    Phase(
        "chats",
        {"label_before": 0.1, "facts": 0.15, "list_questions": 0.2, "yes_no": 0.08, "chat": 0.47},
        6000,
        decay=True,
    ),
)


def make_batch(drills: Drills, phase: Phase, rows: int, rng: Random) -> tuple[Tensor, Tensor]:
    """One training batch of a phase: right-padded ids (B, L), and which of them are to be predicted (B, L)."""
    makers: list[Callable[[Random], list[Piece]]] = [getattr(drills, name) for name in phase.weights]
    chosen = rng.choices(makers, list(phase.weights.values()), k=rows)
    return collate([maker(rng) for maker in chosen])


def collate(sequences: Sequence[list[Piece]]) -> tuple[Tensor, Tensor]:
    """Pad sequences of pieces. The padding is token 0: causal attention never looks ahead at it."""
    ids = [torch.tensor([token for ids, _ in pieces for token in ids]) for pieces in sequences]
    targets = [torch.tensor([target for ids, target in pieces for _ in ids]) for pieces in sequences]
    return pad_sequence(ids, batch_first=True), pad_sequence(targets, batch_first=True)
