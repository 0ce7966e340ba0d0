"""Attention in products of matrices is attention: values and gradients of torch's kernel, and nothing else changes."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from p2w.base.attention import IN_PRODUCTS, LONGEST, attend_in_products, attention
from p2w.base.base_model import load_model
from tests.support.settings import replace

N, H, G, Q, S, D = 2, 6, 3, 5, 7, 11  # H is a multiple of G
SCALE = 0.3
MODULE = SimpleNamespace(num_key_value_groups=H // G, is_causal=True)


def inputs(queries: int = Q, keys: int = S) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(N, H, queries, D), (N, G, keys, D), (N, G, keys, D)]
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]


def visible() -> Tensor:
    """Another part of the keys for each row; every query sees its own and the first."""
    seen = torch.rand(N, 1, Q, S, generator=torch.Generator().manual_seed(1)) < 0.5
    seen[..., 0] = True
    return seen


def added(seen: Tensor) -> Tensor:
    return torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)


def with_gradients(found: Tensor, given: list[Tensor]) -> list[Tensor]:
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
    return [found, *torch.autograd.grad((found * weights).sum(), given)]


MASKS = {"boolean": visible(), "added": added(visible()), "one for all rows": visible()[:1]}


@pytest.mark.parametrize("kind", MASKS)
def test_values_and_gradients_under_a_mask(kind: str) -> None:
    mask, given = MASKS[kind], inputs()
    found, weights = attention(MODULE, *given, mask, scaling=SCALE)
    assert weights is None
    expected = scaled_dot_product_attention(*given, attn_mask=mask, scale=SCALE, enable_gqa=True).transpose(1, 2)
    torch.testing.assert_close(with_gradients(found, given), with_gradients(expected, given), rtol=1e-5, atol=1e-5)


def test_without_a_mask_each_sees_what_is_before_it() -> None:
    given = inputs(S, S)
    found, _ = attention(MODULE, *given, None)
    expected = scaled_dot_product_attention(*given, is_causal=True, enable_gqa=True).transpose(1, 2)
    torch.testing.assert_close(with_gradients(found, given), with_gradients(expected, given), rtol=1e-5, atol=1e-5)


def test_the_last_queries_see_all_keys_before_them() -> None:
    given = inputs(S, S)
    whole, _ = attention(MODULE, *given, None)
    last, _ = attention(MODULE, given[0][:, :, -Q:], *given[1:], None)
    torch.testing.assert_close(last, whole[:, -Q:])


LEFT_TO_TORCH = {
    "no gradients": lambda: [tensor.detach() for tensor in inputs(S, S)],
    "long sequences": lambda: inputs(LONGEST + 1, LONGEST + 1),
}


@pytest.mark.parametrize("kind", LEFT_TO_TORCH)
def test_elsewhere_it_is_the_same_bits_as_the_kernel(kind: str) -> None:
    given = LEFT_TO_TORCH[kind]()
    found, _ = attention(MODULE, *given, None)
    expected = scaled_dot_product_attention(*given, is_causal=True, enable_gqa=True).transpose(1, 2)
    assert torch.equal(found, expected)


def test_dropout_is_left_to_the_kernel() -> None:
    given = inputs(S, S)
    torch.manual_seed(0)
    found, _ = attention(MODULE, *given, None, dropout=0.5)
    assert (found - attention(MODULE, *given, None)[0]).abs().max() > 0.1


def test_models_in_bfloat16_on_a_cpu_attend_so(tiny_base_model) -> None:
    half = load_model(replace(tiny_base_model, dtype="bfloat16"))
    assert half.config._attn_implementation == IN_PRODUCTS
    assert load_model(tiny_base_model).config._attn_implementation == "sdpa"
    half.set_attn_implementation("eager")
    attend_in_products(half)
    assert half.config._attn_implementation == "eager"


def test_gradients_in_bfloat16_are_as_near_as_those_of_the_kernel(tiny_base_model) -> None:
    ids = torch.arange(3 * 41).view(3, 41)
    found = {}
    for dtype, kind in (("float32", "sdpa"), ("bfloat16", "sdpa"), ("bfloat16", IN_PRODUCTS)):
        model = load_model(replace(tiny_base_model, dtype=dtype))
        model.set_attn_implementation(kind)
        embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
        loss = model(inputs_embeds=embedded).logits.float().logsumexp(-1).square().sum()
        found[dtype, kind] = torch.autograd.grad(loss, embedded)[0].float()
    exact = found.pop(("float32", "sdpa"))
    apart = {kind: float((gradient - exact).norm() / exact.norm()) for (_, kind), gradient in found.items()}
    assert apart[IN_PRODUCTS] != apart["sdpa"]
    assert apart[IN_PRODUCTS] < 1.5 * apart["sdpa"] < 0.2
