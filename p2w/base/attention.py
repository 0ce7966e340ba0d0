"""Attention as few products of matrices, for gradients of short sequences in bfloat16 on a CPU.

There torch's kernel of `scaled_dot_product_attention` takes 4 to 8 times as long as these lines for sequences of 65
tokens, most of it backward: a quarter of fine-tuning SmolLM2. Heads that share keys and values are rows of one product.
Scores are rounded to the model's precision before the softmax, as in transformers' `eager` attention; without
gradients it is torch's kernel, so what a model answers stays the same.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

IN_PRODUCTS = "sdpa_in_products"  # as transformers knows it
LONGEST = 512  # keys; the scores of more would take too much memory, for they are kept
OTHERS = ("position_bias", "softcap", "cache")  # what is left to transformers


def attend_in_products(model: PreTrainedModel) -> None:
    """Have a model attend so where that is faster; any other stays what it is."""
    slow = model.device.type == "cpu" and model.dtype == torch.bfloat16
    if slow and model.config._attn_implementation == "sdpa" and model._supports_attention_backend:
        model.set_attn_implementation(IN_PRODUCTS)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Of `query` (N, H, Q, D) to `key` and `value` (N, G, S, D), H a multiple of G: (N, Q, H, D), and no weights.

    Arguments as transformers gives them: the mask (1 or N, 1, Q, S) is boolean or added; without one, position i of the
    last Q sees all up to its own.
    """
    N, H, Q, D = query.shape
    G, S = key.shape[1:3]
    unusual = dropout or any(kwargs.get(name) is not None for name in OTHERS)
    if unusual or S > LONGEST or not (torch.is_grad_enabled() and query.requires_grad):
        given = {"dropout": dropout, "scaling": scaling, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **given)
    scaled = query * (D**-0.5 if scaling is None else scaling)
    scores = torch.matmul(scaled.reshape(N, G, -1, D), key.mT).view(N, G, H // G, Q, S)
    mask = _causal(Q, S, query.device) if attention_mask is None else attention_mask.unsqueeze(2)
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min) if mask.dtype == torch.bool else scores + mask
    found = torch.matmul(scores.softmax(-1).view(N, G, -1, S), value)
    return found.view(N, H, Q, D).transpose(1, 2).contiguous(), None


@lru_cache(maxsize=8)
def _causal(queries: int, keys: int, device: torch.device) -> Tensor:
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


AttentionInterface.register(IN_PRODUCTS, attention)
AttentionMaskInterface.register(IN_PRODUCTS, sdpa_mask)
