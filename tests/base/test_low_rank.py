"""The low-rank term and its gradient: what autograd makes of the formula, for each adapter on its own rows."""

import pytest
import torch

from p2w.base.low_rank import add_low_rank

K, ROWS, LENGTH, IN, OUT, RANK = 3, 2, 5, 7, 11, 4


def tensors():
    generator = torch.Generator().manual_seed(0)
    shapes = (K * ROWS, LENGTH, OUT), (K * ROWS, LENGTH, IN), (K, RANK, IN), (K, RANK, OUT)
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


def by_the_formula(output, x, lora_a, lora_b):
    low = torch.einsum("knli,kri->knlr", x.unflatten(0, (K, ROWS)), lora_a)
    return output + torch.einsum("knlr,kro->knlo", low, lora_b).flatten(0, 1)


def test_value_and_gradients_are_those_of_the_formula():
    given = tensors()
    found, expected = add_low_rank(given[0] * 1, *given[1:]), by_the_formula(*given)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradients = [torch.autograd.grad((result * weights).sum(), given) for result in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        assert theirs.abs().max() > 0.1
        torch.testing.assert_close(ours, theirs)


def test_the_gradient_is_what_finite_differences_say():
    assert torch.autograd.gradcheck(lambda output, *others: add_low_rank(output * 1, *others), tensors())


def test_an_input_may_be_without_a_gradient():
    output, x, lora_a, lora_b = tensors()
    add_low_rank(output.detach(), x.detach(), lora_a, lora_b).sum().backward()
    assert x.grad is None
    assert lora_a.grad.abs().max() > 0
    assert lora_b.grad.abs().max() > 0


def test_the_output_is_changed_in_place_where_nothing_is_learned():
    output, *others = (tensor.detach() for tensor in tensors())
    before = output.clone()
    with torch.inference_mode():
        added = add_low_rank(output, *others)
    assert added.data_ptr() == output.data_ptr()
    torch.testing.assert_close(added, by_the_formula(before, *others))


def test_rows_that_are_no_blocks():
    output, x, lora_a, lora_b = tensors()
    with pytest.raises(ValueError, match="found a batch of 5 rows, expected a multiple of the 3 adapters"):
        add_low_rank(output[:5], x[:5], lora_a, lora_b)
