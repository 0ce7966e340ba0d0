"""Sequences that begin alike: what all of them begin with is computed once, forward and backward."""

from collections.abc import Sequence

from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from p2w.base.last_layer import NOWHERE, Positions, last_network_at


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """How many tokens all sequences begin with."""
    first, last = min(sequences), max(sequences)  # in the order of a dictionary, all others lie between these two
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def states_after(model: PreTrainedModel, input_ids: Tensor, shared: int, read: Positions | None = None) -> Tensor:
    """Last hidden states (N, L - shared, hidden) of what comes after the first `shared` tokens of `input_ids` (N, L);
    these are the same in every row. They are right where they are `read`, see `last_network_at`.

    In a causal model keys and values of a token follow from the tokens before it alone, so those of the shared ones are
    computed for one row and serve all; their gradients are summed over the rows. Equal to whole rows up to rounding.
    """
    known = {}
    if shared:
        cache = DynamicCache(config=model.config)
        with last_network_at(model, NOWHERE):
            model.base_model(input_ids=input_ids[:1, :shared], past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(len(input_ids))
        known["past_key_values"] = cache
    with last_network_at(model, read):
        return model.base_model(input_ids=input_ids[:, shared:], use_cache=bool(shared), **known).last_hidden_state
