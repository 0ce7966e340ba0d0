"""The low-rank hooks do what PEFT does, and leave nothing behind."""

import pytest
import torch
from peft import PeftModel

from p2w.adapters import LoraSettings, read_adapter, write_adapter
from p2w.lora import adapted, scaling
from p2w.training import add_adapter, trainable


@pytest.fixture
def adapter_folder(tiny_base_model, tmp_path):
    """A rank-3 adapter whose lora_B is not zero."""
    model, config = add_adapter(tiny_base_model.load(), LoraSettings(rank=3, alpha=7), tiny_base_model)
    generator = torch.Generator().manual_seed(1)
    tensors = {name: torch.randn(p.shape, generator=generator) * 0.1 for name, p in trainable(model).items()}
    write_adapter(tmp_path, tensors, config)
    return tmp_path


def logits(model):
    with torch.inference_mode():
        return model(input_ids=torch.arange(11).reshape(1, 11)).logits


def test_hooks_equal_peft_and_are_removed(tiny_base_model, adapter_folder):
    tensors, config = read_adapter(adapter_folder)
    model = tiny_base_model.load()
    before = logits(model)
    with adapted(model, tensors, scaling(config)):
        inside = logits(model)
    after = logits(model)
    expected = logits(PeftModel.from_pretrained(tiny_base_model.load(), adapter_folder))
    torch.testing.assert_close(inside, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(inside, before, atol=1e-2)
    assert torch.equal(before, after)


def test_scaling():
    assert scaling({"r": 4, "lora_alpha": 6}) == 1.5
    assert scaling({"r": 4, "lora_alpha": 6, "use_rslora": True}) == 3


def test_adapter_of_another_model(tiny_base_model, adapter_folder):
    tensors, _ = read_adapter(adapter_folder)
    foreign = {name.replace("layers.1", "layers.9"): tensor for name, tensor in tensors.items()}
    with pytest.raises(ValueError, match=r"no module 'model\.layers\.9"), adapted(tiny_base_model.load(), foreign, 1.0):
        pass


def test_half_a_pair(tiny_base_model, adapter_folder):
    tensors, _ = read_adapter(adapter_folder)
    name = next(name for name in tensors if "lora_B" in name)
    del tensors[name]
    with pytest.raises(ValueError, match=f"missing tensor '{name}'"), adapted(tiny_base_model.load(), tensors, 1.0):
        pass
