"""Greedy answers that leave the continuations on offer, token by token from the cache of the pass that found them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from p2w.evaluation.lora_stack import LoraStack
from p2w.evaluation.packing import Packed, attention_mask


@dataclass
class Greedy:
    """The greedy answer of one adapter to one row of a batch, as far as it is known."""

    adapter: int
    row: int
    ids: list[int]  # at least one; the model has read all but the last
    way: list[int]  # the tree's nodes that it has read them as
    position: int  # of the last of `ids`
    most: int  # tokens at most
    end: int  # the token that ends the turn

    @property
    def complete(self) -> bool:
        return self.ids[-1] == self.end or len(self.ids) >= self.most

    def extend(self, ids: Sequence[int]) -> None:
        """Add tokens until it is complete."""
        for token in ids:
            if self.complete:
                return
            self.ids.append(token)

    @property
    def text_ids(self) -> list[int]:
        return self.ids[:-1] if self.ids[-1] == self.end else self.ids


def complete(
    model: PreTrainedModel, stack: LoraStack, cache: DynamicCache, packed: Packed, answers: Sequence[Greedy]
) -> None:
    """Complete `answers`; uses up `cache`, whose rows are those of `packed`, adapter by adapter."""
    grid = _grid(answers)
    rows = torch.tensor([answer.row for answer in grid], device=packed.ids.device)
    N = len(packed.ids)
    cache.batch_select_indices(torch.tensor([answer.adapter * N + answer.row for answer in grid], device=rows.device))
    visible = packed.prompt_visible[rows]
    for number, answer in enumerate(grid):
        visible[number, [packed.column(node) for node in answer.way]] = True
    with stack.active(list(dict.fromkeys(answer.adapter for answer in grid))):
        tokens = torch.cat(list(_continue(model, cache, grid, visible, packed.positions[rows])), 1).tolist()
    # A repeated answer is complete after its first turn.
    for answer, ids in zip(grid, tokens, strict=True):
        answer.extend(ids)


def _grid(answers: Sequence[Greedy]) -> list[Greedy]:
    """As many answers for each adapter, adapter by adapter: where one has fewer, its first is repeated."""
    lines: dict[int, list[Greedy]] = {}
    for answer in answers:
        lines.setdefault(answer.adapter, []).append(answer)
    longest = max(map(len, lines.values()))
    return [answer for line in lines.values() for answer in line + line[:1] * (longest - len(line))]


def _continue(
    model: PreTrainedModel, cache: DynamicCache, answers: Sequence[Greedy], visible: Tensor, keys: Tensor
) -> Iterator[Tensor]:
    """The next most likely tokens, (M, 1) each, until all of M answers are complete; see `Packed` for the others."""

    def column(values: list[int]) -> Tensor:
        return torch.tensor(values, device=visible.device).unsqueeze(1)

    token, position = column([answer.ids[-1] for answer in answers]), column([answer.position for answer in answers])
    end, left = column([answer.end for answer in answers]), column([one.most - len(one.ids) for one in answers])
    running = torch.ones_like(token, dtype=torch.bool)
    while running.any():
        visible, keys = torch.cat([visible, torch.ones_like(running)], 1), torch.cat([keys, position], 1)
        mask = attention_mask(model.config, visible.unsqueeze(1), position, keys, model.dtype)
        seen = {"attention_mask": mask, "past_key_values": cache, "use_cache": True}
        logits = model(input_ids=token, position_ids=position, **seen).logits
        token, position, left = logits[:, -1].argmax(-1, keepdim=True), position + 1, left - 1
        yield token
        running = running & (token != end) & (left > 0)
