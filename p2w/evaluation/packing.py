"""Several continuations of a prompt in one sequence: a tree after the prompt, and a mask that keeps its branches apart.

Every token sees the prompt and its own ancestors, at the position it would have in its own continuation, so one pass of
the model gives what a pass for each continuation would (Miao et al. 2024, SpecInfer, arXiv 2305.09781, section 4.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from transformers import PretrainedConfig

from p2w.base.attention import IN_PRODUCTS
from p2w.base.chat import pad

ATTENTION = ("sdpa", "eager", IN_PRODUCTS)  # the implementations that take any mask
LAYERS = {"full_attention", "sliding_attention"}


@dataclass(frozen=True)
class Tree:
    """Continuations of a prompt, shared beginnings once; node 0 is the prompt's last token.

    A continuation's last token is predicted, never read, so it is no node.
    """

    continuations: Sequence[Sequence[int]]

    @cached_property
    def _children(self) -> list[dict[int, int]]:
        """For each node, its children by their token."""
        children: list[dict[int, int]] = [{}]
        for ids in self.continuations:
            node = 0
            for token in ids[:-1]:
                if token not in children[node]:
                    children[node][token] = len(children)
                    children.append({})
                node = children[node][token]
        return children

    @property
    def nodes(self) -> int:
        """How many there are, node 0 aside."""
        return len(self._children) - 1

    @cached_property
    def tokens(self) -> list[int]:
        """Of nodes 1 and up."""
        by_node = {node: token for children in self._children for token, node in children.items()}
        return [by_node[node] for node in range(1, self.nodes + 1)]

    @cached_property
    def ways(self) -> list[list[int]]:
        """For each of nodes 1 and up, the nodes on the way to it from node 0, which is left out; itself the last."""
        ways: list[list[int]] = [[] for _ in self._children]
        for parent, children in enumerate(self._children):
            for node in children.values():
                ways[node] = [*ways[parent], node]
        return ways[1:]

    def path(self, ids: Sequence[int]) -> list[int]:
        """For each token of a continuation, the node that predicts it."""
        nodes = [0]
        for token in ids[:-1]:
            nodes.append(self._children[nodes[-1]][token])
        return nodes[: len(ids)]

    def follow(self, best: Sequence[int]) -> tuple[list[int], list[int]]:
        """The greedy continuation as far as the tree knows it, given each node's most likely next token.

        Returns:
            The tokens, at least one, and the nodes that all but the last of them are.
        """
        ids, way, node = [best[0]], [], 0
        while ids[-1] in self._children[node]:
            node = self._children[node][ids[-1]]
            way.append(node)
            ids.append(best[node])
        return ids, way


@dataclass(frozen=True)
class Packed:
    """N prompts, filled up on the left, each followed by its tree; a common beginning of P tokens is left out.

    With prompts of up to R more tokens and trees of up to T nodes, L = R + T and S = P + L.
    """

    ids: Tensor  # (N, L)
    positions: Tensor  # (N, S)
    visible: Tensor  # (N, L, S) boolean: which token sees which
    nodes: int  # T

    @property
    def prompt_visible(self) -> Tensor:
        """(N, S) boolean: what the prompt's last token sees, which is the prompt alone."""
        return self.visible[:, -self.nodes - 1]

    def column(self, node: int) -> int:
        """Where among S a node of the tree is."""
        return self.visible.shape[2] - self.nodes - 1 + node

    def to(self, device: torch.device) -> "Packed":
        return Packed(self.ids.to(device), self.positions.to(device), self.visible.to(device), self.nodes)


def pack(prompts: Sequence[Sequence[int]], trees: Sequence[Tree], prefix: int, pad_id: int) -> Packed:
    """Pack prompts with their trees; `prefix` tokens, fewer than any prompt has, are common to all prompts."""
    N, T = len(prompts), max(tree.nodes for tree in trees)
    left = pad([ids[prefix:] for ids in prompts], pad_id, side="left")
    R = left.shape[1]
    ids = torch.cat([left, pad([[*tree.tokens, *[pad_id] * (T - tree.nodes)] for tree in trees], pad_id)], 1)
    lengths = torch.tensor([len(prompt) for prompt in prompts]).unsqueeze(1)
    skipped = prefix + R - lengths  # (N, 1) fillers between the common beginning and the rest of the prompt
    place = torch.arange(prefix + R)
    real = (place < prefix) | (place >= prefix + skipped)
    visible = torch.zeros(N, R + T, prefix + R + T, dtype=torch.bool)
    visible[:, :R, : prefix + R] = real.unsqueeze(1) & (place <= torch.arange(prefix, prefix + R).unsqueeze(1))
    visible[:, R:, : prefix + R] = real.unsqueeze(1)
    depths = torch.ones(N, T, dtype=torch.long)
    for n, tree in enumerate(trees):
        for node, way in enumerate(tree.ways):
            depths[n, node] = len(way)
            visible[n, R + node, [prefix + R - 1 + ancestor for ancestor in way]] = True
    visible[:, range(R + T), range(prefix, prefix + R + T)] = True  # a filler that sees nothing would give no number
    positions = torch.where(place < prefix, place, (place - skipped).clamp(min=0)).expand(N, -1)
    return Packed(ids, torch.cat([positions, lengths - 1 + depths], 1), visible, T)


def attention_mask(
    config: PretrainedConfig, visible: Tensor, queries: Tensor, keys: Tensor, dtype: torch.dtype
) -> Tensor | dict[str, Tensor]:
    """The attention_mask with which a model sees just `visible` (B, Q, S), within its window if it has one.

    `queries` (B, Q) and `keys` (B, S) are positions. Raises ValueError: an attention that takes no such mask.
    """
    if config._attn_implementation not in ATTENTION:
        raise ValueError(f"attention: found {config._attn_implementation!r}, expected one of {ATTENTION}")
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"])
    if kinds - LAYERS:
        raise ValueError(f"layer types: found {sorted(kinds - LAYERS)}, expected {sorted(LAYERS)}")
    masks = {}
    for kind in sorted(kinds):
        seen = visible
        if kind == "sliding_attention":
            seen = visible & (keys.unsqueeze(1) > queries.unsqueeze(2) - window)
        masks[kind] = _additive(seen, dtype)
    return masks if len(masks) > 1 else masks.popitem()[1]


def _additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """(B, Q, S) boolean -> (B, 1, Q, S), as both implementations of attention take it."""
    mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return mask.masked_fill_(~visible, torch.finfo(dtype).min).unsqueeze(1)
