"""Adapters on disk: what PEFT writes P2W reads, and the other way round, judged by logits."""

import json
import subprocess
import sys

import pytest
import torch
from peft import PeftModel, get_peft_model

from p2w.adapters.peft_folder import UNSUPPORTED, check_adapter, peft_config, read_adapter, write_adapter
from p2w.base.base_model import load_model
from p2w.config.lora import LoraSettings
from p2w.config.settings import parse
from p2w.finetuning.adapted_base import load_adapted
from tests.support.adapters import random_adapter
from tests.support.peft_models import trainable

LORA = LoraSettings(rank=3, alpha=7)


def logits(model):
    with torch.inference_mode():
        return model(input_ids=torch.arange(11).reshape(1, 11)).logits


def test_peft_loads_what_we_write(tiny_base_model, tmp_path):
    model, tensors, config = random_adapter(tiny_base_model, LORA, 1)
    write_adapter(tmp_path, tensors, config)
    loaded = PeftModel.from_pretrained(load_model(tiny_base_model), tmp_path)
    assert torch.equal(logits(loaded), logits(model))
    assert not torch.allclose(logits(loaded), logits(load_model(tiny_base_model)), atol=1e-2)


def test_we_read_what_peft_writes(tiny_base_model, tmp_path):
    model = get_peft_model(load_model(tiny_base_model), peft_config(LORA, tiny_base_model.name, None))
    model.save_pretrained(tmp_path)
    tensors, config = read_adapter(tmp_path)
    expected = {name.removeprefix("base_model.model."): p for name, p in trainable(model).items()}
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert (config["r"], config["lora_alpha"]) == (3, 7)


def test_files_equal_those_of_peft(tiny_base_model, tmp_path):
    model = get_peft_model(load_model(tiny_base_model), peft_config(LORA, tiny_base_model.name, None))
    model.save_pretrained(tmp_path / "peft")
    _, _, config = random_adapter(tiny_base_model, LORA, 1)
    tensors, _ = read_adapter(tmp_path / "peft")
    write_adapter(tmp_path / "ours", tensors, config)
    weights = [(tmp_path / who / "adapter_model.safetensors").read_bytes() for who in ("ours", "peft")]
    assert weights[0] == weights[1]
    ours, theirs = (json.loads((tmp_path / who / "adapter_config.json").read_text()) for who in ("ours", "peft"))
    theirs["target_modules"].sort()
    assert ours == theirs


def test_chosen_modules(tiny_base_model):
    lora = parse(LoraSettings, {"rank": 2, "alpha": 4, "target_modules": ["q_proj", "v_proj"]})
    _, tensors, config = random_adapter(tiny_base_model, lora, 1)
    assert {name.split(".")[4] for name in tensors} == {"q_proj", "v_proj"}
    assert config["target_modules"] == ["q_proj", "v_proj"]


def test_start_depends_on_its_seed_alone(tiny_base_model):
    def start(seed):
        return load_adapted(tiny_base_model, LORA).new_adapter(seed)

    first = start(5)
    torch.manual_seed(123)
    state = torch.get_rng_state()
    second, other = start(5), start(6)
    assert torch.equal(torch.get_rng_state(), state)
    for name, parameter in first.items():
        assert torch.equal(parameter, second[name])
        assert torch.equal(parameter, other[name]) == name.endswith("lora_B.weight")


@pytest.mark.parametrize("option", UNSUPPORTED)
def test_options_beyond_plain_lora_are_refused(option):
    with pytest.raises(ValueError, match=f"x: {option}: found True, expected it unset"):
        check_adapter("x", {}, {"peft_type": "LORA", option: True})


def test_half_of_a_pair_is_not_written(tiny_base_model, tmp_path):
    _, tensors, config = random_adapter(tiny_base_model, LORA, 1)
    del tensors["model.layers.1.mlp.down_proj.lora_B.weight"]
    with pytest.raises(ValueError, match=r"missing 'model\.layers\.1\.mlp\.down_proj\.lora_B\.weight'"):
        write_adapter(tmp_path, tensors, config)


def test_importing_adapters_is_cheap():
    code = "import sys; from p2w.adapters import checkpoints, peft_folder"
    code += "; assert not {'peft', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
