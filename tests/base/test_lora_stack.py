"""The low-rank hooks do what PEFT does, for one adapter and for several at once, and leave nothing behind."""

import pytest
import torch
from peft import PeftModel

from p2w.adapters.peft_folder import read_adapter
from p2w.base.base_model import load_model
from p2w.base.lora_stack import LoraStack, adapted, scaling
from p2w.config.lora import LoraSettings
from tests.support.adapters import write_random


@pytest.fixture
def adapter_folder(tiny_base_model, tmp_path):
    return write_random(tmp_path / "one", tiny_base_model, LoraSettings(rank=3, alpha=7), seed=1)


@pytest.fixture
def different_folders(tiny_base_model, tmp_path, adapter_folder):
    """Adapters of other ranks, scales and modules."""
    others = [LoraSettings(rank=5, alpha=3), LoraSettings(rank=2, alpha=9, target_modules=("q_proj", "down_proj"))]
    return [
        adapter_folder,
        *(write_random(tmp_path / str(i), tiny_base_model, s, seed=i) for i, s in enumerate(others, 2)),
    ]


def load(folder):
    tensors, config = read_adapter(folder)
    return tensors, scaling(config)


def token_ids(rows):
    return torch.arange(11 * rows).reshape(rows, 11) % 250


def logits(model, ids):
    with torch.inference_mode():
        return model(input_ids=ids).logits


def test_hooks_equal_peft_and_are_removed(tiny_base_model, adapter_folder):
    model, ids = load_model(tiny_base_model), token_ids(2)
    before = logits(model, ids)
    with adapted(model, *load(adapter_folder)):
        inside = logits(model, ids)
    after = logits(model, ids)
    expected = logits(PeftModel.from_pretrained(load_model(tiny_base_model), adapter_folder), ids)
    torch.testing.assert_close(inside, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(inside, before, atol=1e-2)
    assert torch.equal(before, after)


def test_each_block_of_rows_has_its_own_adapter(tiny_base_model, different_folders):
    model, ids = load_model(tiny_base_model), token_ids(3)
    stack = LoraStack(model, [load(different_folders[0]), ({}, 0.0), *map(load, different_folders[1:])])
    assert len(stack) == 4
    with stack.active():
        blocks = logits(model, ids.repeat(4, 1)).unflatten(0, (4, 3))
    torch.testing.assert_close(blocks[1], logits(model, ids), rtol=1e-5, atol=1e-5)
    for block, folder in zip(blocks[[0, 2, 3]], different_folders, strict=True):
        expected = logits(PeftModel.from_pretrained(load_model(tiny_base_model), folder), ids)
        torch.testing.assert_close(block, expected, rtol=1e-5, atol=1e-5)


def test_some_of_the_adapters_at_work(tiny_base_model, different_folders):
    model, ids = load_model(tiny_base_model), token_ids(2)
    stack = LoraStack(model, list(map(load, different_folders)))
    with stack.active([2, 0]):
        last, first = logits(model, ids.repeat(2, 1)).unflatten(0, (2, 2))
    for block, folder in ((first, different_folders[0]), (last, different_folders[2])):
        with adapted(model, *load(folder)):
            torch.testing.assert_close(block, logits(model, ids), rtol=1e-5, atol=1e-5)


def test_hooks_are_removed_after_an_error(tiny_base_model, adapter_folder):
    model, ids = load_model(tiny_base_model), token_ids(1)
    before = logits(model, ids)
    with pytest.raises(KeyError), adapted(model, *load(adapter_folder)):
        raise KeyError
    assert torch.equal(logits(model, ids), before)


def test_scaling():
    assert scaling({"r": 4, "lora_alpha": 6}) == 1.5
    assert scaling({"r": 4, "lora_alpha": 6, "use_rslora": True}) == 3


A, B = (f"model.layers.1.self_attn.q_proj.lora_{factor}.weight" for factor in "AB")
BAD = {
    "of another model": (
        lambda tensors: {name.replace("layers.1", "layers.9"): tensor for name, tensor in tensors.items()},
        r"no module 'model\.layers\.9",
    ),
    "of another size": (lambda tensors: tensors | {A: tensors[A][:, :-1]}, r"found size \(48, 47\), expected .*48\)"),
    "half a pair": (lambda tensors: {name: tensors[name] for name in tensors if name != B}, f"missing tensor '{B}'"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_adapter_that_does_not_fit(tiny_base_model, adapter_folder, case):
    change, message = BAD[case]
    tensors, _ = read_adapter(adapter_folder)
    with pytest.raises(ValueError, match=message):
        LoraStack(load_model(tiny_base_model), [load(adapter_folder), (change(tensors), 1.0)])


def test_no_adapter(tiny_base_model):
    with pytest.raises(ValueError, match="found 0 adapters"):
        LoraStack(load_model(tiny_base_model), [])


def test_rows_that_cannot_be_shared_out(tiny_base_model, adapter_folder):
    model = load_model(tiny_base_model)
    stack = LoraStack(model, [load(adapter_folder)] * 2)
    with pytest.raises(ValueError, match="found a batch of 3 rows, expected a multiple of the 2"), stack.active():
        logits(model, token_ids(3))
