"""Greedy answers that leave the continuations on offer, token by token from the cache of the pass that found them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from p2w.base.lora_stack import LoraStack
from p2w.evaluation.packing import Packed, attention_mask


@dataclass
class Greedy:
    """The greedy answer of one adapter to one row of a batch, as far as it is known."""

    adapter: int
    row: int
    ids: list[int]  # at least one; the model has read all but the last
    way: list[int]  # the tree's nodes that it has read them as
    start: int  # position of the first of `ids`
    most: int  # tokens at most
    end: int  # the token that ends the turn

    @property
    def complete(self) -> bool:
        return self.ended or len(self.ids) >= self.most

    @property
    def ended(self) -> bool:
        return self.ids[-1] == self.end

    def extend(self, ids: Sequence[int]) -> None:
        """Add tokens until it is complete."""
        for token in ids:
            if self.complete:
                return
            self.ids.append(token)

    @property
    def last(self) -> int:
        """Position of the last of `ids`."""
        return self.start + len(self.ids) - 1

    @property
    def text_ids(self) -> list[int]:
        return self.ids[:-1] if self.ended else self.ids


def complete(
    model: PreTrainedModel, stack: LoraStack, cache: DynamicCache, packed: Packed, answers: Sequence[Greedy]
) -> None:
    """Complete `answers`; uses up `cache`, whose rows are those of `packed`, adapter by adapter.

    When half of them are, the others go on without them: one that ends late would have all wait for it.
    """
    grid = _grid(answers)
    rows = torch.tensor([answer.row for answer in grid], device=packed.ids.device)
    chosen = torch.tensor([answer.adapter * len(packed.ids) + answer.row for answer in grid], device=rows.device)
    visible, keys = packed.prompt_visible[rows], packed.positions[rows]
    for number, answer in enumerate(grid):
        visible[number, [packed.column(node) for node in answer.way]] = True
    while grid:
        cache.batch_select_indices(chosen)
        with stack.active(list(dict.fromkeys(answer.adapter for answer in grid))):
            visible, keys, tokens = _continue(model, cache, grid, visible, keys)
        place = {id(answer): number for number, answer in reversed(list(enumerate(grid)))}
        for answer in {id(answer): answer for answer in grid}.values():
            answer.extend(tokens[place[id(answer)]])
        grid = _grid([answer for answer in answers if not answer.complete])
        chosen = torch.tensor([place[id(answer)] for answer in grid], dtype=torch.long, device=rows.device)
        visible, keys = visible[chosen], keys[chosen]


def _grid(answers: Sequence[Greedy]) -> list[Greedy]:
    """As many answers for each adapter, adapter by adapter: where one has fewer, its first is repeated."""
    lines: dict[int, list[Greedy]] = {}
    for answer in answers:
        lines.setdefault(answer.adapter, []).append(answer)
    longest = max(map(len, lines.values()), default=0)
    return [answer for line in lines.values() for answer in line + line[:1] * (longest - len(line))]


def _continue(
    model: PreTrainedModel, cache: DynamicCache, answers: Sequence[Greedy], visible: Tensor, keys: Tensor
) -> tuple[Tensor, Tensor, list[list[int]]]:
    """Go on until at least half of M answers are complete; see `Packed` for `visible` (M, S) and `keys` (M, S).

    Returns:
        Both with the tokens that were read, and the most likely ones, as many for each answer.
    """

    def column(values: list[int]) -> Tensor:
        return torch.tensor(values, device=visible.device).unsqueeze(1)

    token, position = column([answer.ids[-1] for answer in answers]), column([answer.last for answer in answers])
    end, left = column([answer.end for answer in answers]), column([one.most - len(one.ids) for one in answers])
    running, found = torch.ones_like(token, dtype=torch.bool), []
    while 2 * running.sum() > len(answers):
        visible, keys = torch.cat([visible, torch.ones_like(running)], 1), torch.cat([keys, position], 1)
        mask = attention_mask(model.config, visible.unsqueeze(1), position, keys, model.dtype)
        seen = {"attention_mask": mask, "past_key_values": cache, "use_cache": True}
        logits = model(input_ids=token, position_ids=position, **seen).logits
        token, position, left = logits[:, -1].argmax(-1, keepdim=True), position + 1, left - 1
        found.append(token)
        running = running & (token != end) & (left > 0)
    return visible, keys, torch.cat(found, 1).tolist()
