"""Sequences that begin alike: what all of them begin with is computed once, forward and backward."""

from collections.abc import Sequence

from torch import Tensor
from transformers import DynamicCache, PreTrainedModel


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """How many tokens all sequences begin with."""
    first, last = min(sequences), max(sequences)  # in the order of a dictionary, all others lie between these two
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def states_after(model: PreTrainedModel, input_ids: Tensor, shared: int) -> Tensor:
    """Last hidden states (N, L - shared, hidden) of what comes after the first `shared` tokens of `input_ids` (N, L);
    these are the same in every row.

    In a causal model keys and values of a token follow from the tokens before it alone, so those of the shared ones are
    computed for one row and serve all; their gradients are summed over the rows. Equal to whole rows up to rounding.
    """
    if not shared:
        return model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    cache = DynamicCache(config=model.config)
    model.base_model(input_ids=input_ids[:1, :shared], past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(len(input_ids))
    return model.base_model(input_ids=input_ids[:, shared:], past_key_values=cache, use_cache=True).last_hidden_state
