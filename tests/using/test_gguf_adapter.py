"""A generated adapter as a GGUF file, in llama.cpp's names, shapes and order of rows."""

import dataclasses

import gguf
import numpy as np
import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_gguf_pytorch_utils import LlamaTensorProcessor

from p2w.config.base_model import BaseModel
from p2w.using.adapter import Adapter
from p2w.using.gguf_adapter import interleaved, write_gguf_adapter


@pytest.fixture
def adapter(generated):
    return Adapter.from_pretrained(generated)


def test_as_gguf_it_has_llama_cpps_names_shapes_and_alpha(adapter, tiny_base_model, tmp_path):
    write_gguf_adapter(adapter, tiny_base_model, tmp_path / "mine.gguf")
    reader = gguf.GGUFReader(tmp_path / "mine.gguf")
    fields = {name: reader.get_field(name).contents() for name in
              ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha")}  # fmt: skip
    assert list(fields.values()) == ["qwen2", "adapter", "lora", adapter.config["lora_alpha"]]
    found = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    assert len(found) == len(adapter.tensors)
    names = {"self_attn.q_proj": "attn_q", "self_attn.o_proj": "attn_output", "mlp.down_proj": "ffn_down"}
    for ours, theirs in names.items():
        for factor in "AB":
            tensor = adapter.tensors[f"model.layers.1.{ours}.lora_{factor}.weight"].numpy()
            assert np.array_equal(found[f"blk.1.{theirs}.weight.lora_{factor.lower()}"], tensor)


def test_a_rank_stabilised_one_has_the_alpha_that_gives_its_scale(adapter, tiny_base_model, tmp_path):
    stabilised = dataclasses.replace(adapter, config={**adapter.config, "use_rslora": True, "r": 2, "lora_alpha": 4})
    write_gguf_adapter(stabilised, tiny_base_model, tmp_path / "mine.gguf")
    alpha = gguf.GGUFReader(tmp_path / "mine.gguf").get_field("adapter.lora.alpha").contents()
    assert alpha / 2 == pytest.approx(4 / 2**0.5)


@pytest.mark.parametrize(("heads", "size"), [(2, 10), (3, 14)])
def test_rows_of_a_llama_are_in_the_order_that_transformers_turns_back(heads, size):
    rows = torch.arange(heads * size * 7.0).reshape(heads * size, 7)
    processor = LlamaTensorProcessor(config={"num_attention_heads": heads, "num_key_value_heads": heads})
    back = processor._reverse_permute_weights(interleaved(rows, heads).numpy(), heads, heads)
    assert np.array_equal(back, rows.numpy())


def test_a_llamas_queries_and_keys_are_reordered_and_nothing_else(adapter, tmp_path):
    config = LlamaConfig(hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2)  # fmt: skip
    config.save_pretrained(tmp_path / "llama")
    write_gguf_adapter(adapter, BaseModel(path=str(tmp_path / "llama")), tmp_path / "mine.gguf")
    found = {tensor.name: torch.tensor(np.array(tensor.data)) for tensor in
             gguf.GGUFReader(tmp_path / "mine.gguf").tensors}  # fmt: skip
    for module, name, heads in (("q_proj", "attn_q", 4), ("k_proj", "attn_k", 2), ("v_proj", "attn_v", 0)):
        ours = adapter.tensors[f"model.layers.0.self_attn.{module}.lora_B.weight"]
        assert found[f"blk.0.{name}.weight.lora_b"].equal(interleaved(ours, heads) if heads else ours)


def test_an_architecture_that_is_not_known(adapter, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="found architecture 'gpt2', expected llama, mistral, qwen2"):
        write_gguf_adapter(adapter, BaseModel(path=str(tmp_path / "other")), tmp_path / "mine.gguf")
    assert not (tmp_path / "mine.gguf").exists()
