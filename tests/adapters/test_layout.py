import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, Gemma2Config, GPT2Config, LlamaConfig, Qwen2Config

from p2w.adapters.layout import PEFT_PREFIX, AdapterLayout
from p2w.adapters.peft_layout import layout_of
from tests.support.official import random_lora

# Distinct primes, so that no axis can stand for another.
DIMS = {"q": (7, 11), "k": (7, 5), "v": (7, 3), "o": (11, 7), "up": (7, 13), "gate": (7, 13), "down": (13, 7)}
SMALL = {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
         "num_key_value_heads": 1, "vocab_size": 17}  # fmt: skip


def lora(seed=0, layers=2, rank=2):
    return random_lora(seed, layers, DIMS, rank)


def test_order_is_the_published_one():
    tensors = lora(layers=11)
    shuffled = {PEFT_PREFIX + name: tensors[name] for name in sorted(tensors, reverse=True)}
    layout = AdapterLayout.from_tensors(shuffled)
    assert list(layout.names) == list(tensors)  # the recipe writes q, k, v, o, up, gate, down and A before B
    assert layout.shapes[:4] == ((2, 7), (11, 2), (2, 7), (5, 2))
    assert layout.size == sum(tensor.numel() for tensor in tensors.values())


def test_unknown_modules_follow_and_modules_without_a_layer_come_last():
    modules = ["lm_head", "model.layers.10.attn.qkv", "model.layers.2.mlp.down_proj", "model.layers.2.mlp.fc",
               "model.layers.2.attn.c_attn", "model.layers.10.attn.q_proj", "model.layers.2.mlp.experts.10.up_proj",
               "model.layers.2.mlp.experts.9.up_proj", "model.embed"]  # fmt: skip
    tensors = {f"{module}.lora_{factor}.weight": torch.zeros(3, 3) for module in modules for factor in "BA"}
    found = [name.removesuffix(".lora_A.weight") for name in AdapterLayout.from_tensors(tensors).names[::2]]
    assert found == ["model.layers.2.mlp.experts.9.up_proj", "model.layers.2.mlp.experts.10.up_proj",
                     "model.layers.2.mlp.down_proj", "model.layers.2.attn.c_attn", "model.layers.2.mlp.fc",
                     "model.layers.10.attn.q_proj", "model.layers.10.attn.qkv", "model.embed", "lm_head"]  # fmt: skip


@given(st.integers(0, 99), st.integers(1, 3), st.integers(1, 5))
def test_flatten_and_unflatten_are_inverse(seed, layers, rank):
    tensors = lora(seed, layers, rank)
    layout = AdapterLayout.from_tensors(tensors)
    flat = layout.flatten(tensors)
    back = layout.unflatten(flat)
    assert flat.shape == (layout.size,)
    assert list(back) == list(layout.names)
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)
    assert torch.equal(layout.flatten(back), flat)


def test_flat_order_and_dtype():
    tensors = {name: tensor.bfloat16() for name, tensor in lora().items()}
    flat = AdapterLayout.from_tensors(tensors).flatten(tensors)
    assert flat.dtype == torch.float32
    assert torch.equal(flat[:14], tensors["model.layers.0.self_attn.q_proj.lora_A.weight"].reshape(-1).float())
    assert torch.equal(flat[14:36], tensors["model.layers.0.self_attn.q_proj.lora_B.weight"].reshape(-1).float())


def test_unflattened_tensors_do_not_share_memory():
    layout = AdapterLayout.from_tensors(lora())
    flat = torch.zeros(layout.size)
    layout.unflatten(flat)[layout.names[0]].fill_(1)
    assert flat.sum() == 0


def test_json_round_trip():
    layout = AdapterLayout.from_tensors(lora())
    assert AdapterLayout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


Q_A, Q_B = "model.layers.0.self_attn.q_proj.lora_A.weight", "model.layers.0.self_attn.q_proj.lora_B.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(Q_A), f"missing '{Q_A}'; expected 28 tensors"),
        (lambda t: t.update({"extra": torch.zeros(2, 2)}), "unexpected 'extra'; expected 28 tensors"),
        (lambda t: t.update({Q_B: torch.zeros(2, 11)}), rf"{Q_B}: found shape \(2, 11\), expected \(11, 2\)"),
        (lambda t: [t.pop(n) for n in list(t)[:5]], "and 2 more; expected 28 tensors"),
    ],
)
def test_flatten_is_strict(change, message):
    layout, tensors = AdapterLayout.from_tensors(lora()), lora()
    change(tensors)
    with pytest.raises(ValueError, match=message):
        layout.flatten(tensors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(Q_A), f"missing '{Q_A}', the other half of '{Q_B}'"),
        (lambda t: t.update({"q.lora_magnitude_vector": torch.zeros(2)}), "q.lora_magnitude_vector: found no LoRA"),
        (lambda t: t.update({Q_A: torch.zeros(3, 7)}), f"{Q_A}: found rank 3, expected 2 as in {Q_B}"),
        (lambda t: t.update({Q_A: torch.zeros(2, 7, 1)}), rf"{Q_A}: found shape \(2, 7, 1\), expected a matrix"),
        (lambda t: t.clear(), "layout: found 0 names, 0 shapes"),
    ],
)
def test_from_tensors_is_strict(change, message):
    tensors = lora()
    change(tensors)
    with pytest.raises(ValueError, match=message):
        AdapterLayout.from_tensors(tensors)


def test_bad_flat_size_and_bad_json():
    layout = AdapterLayout.from_tensors(lora())
    with pytest.raises(ValueError, match=f"found {layout.size - 1} values, expected {layout.size}"):
        layout.unflatten(torch.zeros(layout.size - 1))
    with pytest.raises(ValueError, match=r"found keys \['names'\], expected"):
        AdapterLayout.from_json({"names": list(layout.names)})
    with pytest.raises(ValueError, match="not in order"):
        AdapterLayout(layout.names[::-1], layout.shapes[::-1])


@pytest.mark.parametrize(
    ("model_config", "target_modules"),
    [
        (Qwen2Config(**SMALL), "all-linear"),
        (LlamaConfig(**SMALL), ["q_proj", "v_proj", "lm_head"]),
        (Gemma2Config(**SMALL, head_dim=4), "all-linear"),
        (GPT2Config(n_embd=12, n_layer=2, n_head=3, vocab_size=17), ["c_attn", "c_proj"]),
    ],
)
def test_layout_of_equals_that_of_the_real_model(model_config, target_modules):
    lora_config = LoraConfig(r=5, target_modules=target_modules, fan_in_fan_out=isinstance(model_config, GPT2Config))
    model = get_peft_model(AutoModelForCausalLM.from_config(model_config), lora_config)
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    layout = layout_of(model_config, lora_config)
    assert layout == AdapterLayout.from_tensors(state)
    assert set(layout.names) == {name.removeprefix(PEFT_PREFIX) for name in state}
    assert layout.size == sum(tensor.numel() for tensor in state.values())


def test_layout_of_leaves_the_lora_config_alone():
    lora_config = LoraConfig(r=2, target_modules="all-linear")
    before = lora_config.to_dict()
    layout_of(Qwen2Config(**SMALL), lora_config)
    assert lora_config.to_dict() == before
