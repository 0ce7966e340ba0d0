"""The loss of what adapters do, and its gradient: what PEFT has, what finite differences say, adapter by adapter."""

import pytest
import torch

from p2w.adapters.layout import AdapterLayout
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import supervised_batch
from p2w.base.lora_stack import scaling
from p2w.config.lora import LoraSettings
from p2w.finetuning.batches import Encoded, encode_samples
from p2w.finetuning.training import response_loss
from p2w.generators.task_loss import TaskLoss, factors
from tests.support.adapters import random_adapter
from tests.support.peft_models import trainable
from tests.support.toy_samples import toy_samples

LORA = LoraSettings(rank=3, alpha=7)
ROWS = {"one": [0, 5], "two": [3, 16]}


@pytest.fixture
def encoded(tiny_base_model):
    tokenizer = load_tokenizer(tiny_base_model)
    tables = {"one": toy_samples(), "two": toy_samples().assign(response="no, not at all")}
    return {task: encode_samples(task, tokenizer, table, 128) for task, table in tables.items()}


@pytest.fixture
def adapters(tiny_base_model):
    """Layout, factor of the low-rank term, and two random adapters (2, size)."""
    found = [random_adapter(tiny_base_model, LORA, seed)[1:] for seed in (1, 2)]
    layout = AdapterLayout.from_tensors(found[0][0])
    return layout, scaling(found[0][1]), torch.stack([layout.flatten(tensors) for tensors, _ in found])


def peft_gradient(base, encoded, seed, rows, tokens):
    """Loss of one adapter inside PEFT's own layers, divided by `tokens`, and its gradient by name."""
    model = random_adapter(base, LORA, seed)[0]
    batch = supervised_batch([encoded.prompts[i] for i in rows], [encoded.responses[i] for i in rows], 0)
    loss = response_loss(model, batch["input_ids"], batch["labels"], "cpu") / tokens
    loss.backward()
    return loss.detach(), {name: parameter.grad for name, parameter in trainable(model).items()}


def test_loss_and_gradient_are_those_of_peft_with_the_same_adapters(tiny_base_model, encoded, adapters):
    layout, scale, flat = adapters
    flat.requires_grad_()
    loss = TaskLoss(load_model(tiny_base_model), layout, scale, encoded, 0)(flat, ROWS)
    loss.backward()
    tokens = sum(len(encoded[task].responses[row]) for task, rows in ROWS.items() for row in rows)
    parts = [
        peft_gradient(tiny_base_model, encoded[task], seed, rows, tokens)
        for seed, (task, rows) in zip((1, 2), ROWS.items(), strict=True)
    ]
    torch.testing.assert_close(loss.detach(), parts[0][0] + parts[1][0])
    for found, (_, expected) in zip(flat.grad, parts, strict=True):
        assert expected
        assert all(gradient.abs().max() > 0 for gradient in expected.values())
        torch.testing.assert_close(found, layout.flatten(expected), rtol=1e-4, atol=1e-7)


def test_the_gradient_is_what_finite_differences_say(tiny_base_model, encoded, adapters):
    """In float64 but for the logits, which the loss takes in float32: so five points and a step that is not tiny."""
    layout, scale, flat = adapters
    flat = flat.double().requires_grad_()
    loss = TaskLoss(load_model(tiny_base_model).double(), layout, scale, encoded, 0)
    loss(flat, ROWS).backward()
    for seed in range(3):
        direction = torch.randn(flat.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        step = 2e-3
        points = {k: loss(flat.detach() + k * step * direction, ROWS).item() for k in (-2, -1, 1, 2)}
        slope = (8 * (points[1] - points[-1]) - (points[2] - points[-2])) / (12 * step)
        assert slope == pytest.approx((flat.grad * direction).sum().item(), rel=2e-3, abs=2e-4)


def test_the_base_model_stays_as_it_was(tiny_base_model, encoded, adapters):
    layout, scale, flat = adapters
    model, untouched = load_model(tiny_base_model), load_model(tiny_base_model)
    TaskLoss(model, layout, scale, encoded, 0)(flat.requires_grad_(), ROWS).backward()
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), untouched.parameters(), strict=True))
    ids = torch.arange(11)[None]
    assert torch.equal(model(input_ids=ids).logits, untouched(input_ids=ids).logits)


def test_factors_are_views_of_the_flat_weights(adapters):
    layout, _, flat = adapters
    found = factors(layout, flat)
    assert {name for module in found for name in (f"{module}.lora_A.weight", f"{module}.lora_B.weight")} == {
        *layout.names
    }
    for k, tensors in enumerate(map(layout.unflatten, flat)):
        for module, (lora_a, lora_b) in found.items():
            assert torch.equal(lora_a[k], tensors[f"{module}.lora_A.weight"])
            assert torch.equal(lora_b[k], tensors[f"{module}.lora_B.weight"])


@pytest.mark.parametrize("rows", [{"one": [0]}, {"one": [0, 1], "two": [2]}])
def test_an_adapter_for_each_task_and_as_many_rows(tiny_base_model, encoded, adapters, rows):
    layout, scale, flat = adapters
    with pytest.raises(ValueError, match=r"task loss: found 2 adapters, .*expected an adapter for each task"):
        TaskLoss(load_model(tiny_base_model), layout, scale, encoded, 0)(flat, rows)


def test_rows_of_like_length_come_together_as_many_of_each_task(tiny_base_model, adapters):
    layout, scale, flat = adapters
    short, long = [5] * 4, [6] * 200
    encoded = dict.fromkeys("ab", Encoded([short, long, short, long], [[7, 8]] * 4))
    model, seen = load_model(tiny_base_model), []
    model.get_input_embeddings().register_forward_hook(lambda _, ids, __: seen.append(tuple(ids[0].shape)))
    TaskLoss(model, layout, scale, encoded, 0)(flat, {"a": [0, 1, 2, 3], "b": [1, 0, 3, 2]})
    assert seen == [(2 * 2, 4 + 2), (2 * 2, 200 + 2)]
