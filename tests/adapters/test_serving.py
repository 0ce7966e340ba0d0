"""Adapters for servers: what vLLM's LoRA loader demands of an adapter's folder.

Restated from vllm-project/vllm, commit e745baff: vllm/lora/peft_helper.py (`PEFTHelper.from_dict`, `validate_legal`)
https://github.com/vllm-project/vllm/blob/e745bafffc44744aa601169f8c6f325e47ca7cd5/vllm/lora/peft_helper.py ; and
vllm/lora/utils.py (`parse_fine_tuned_lora_name`), vllm/lora/lora_model.py (`check_unexpected_modules`).
"""

import json
import re

import pytest
import torch
import yaml
from safetensors.torch import load_file

from p2w.adapters.peft_folder import write_adapter
from p2w.config.lora import LoraSettings
from p2w.finetuning.adapted_base import load_adapted
from tests.support.workspace import PROJECT

MAX_LORA_RANK = 16  # vLLM's own default of --max-lora-rank
# Linear layers of a Qwen2 model, which vLLM can replace.
SUPPORTED = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.fixture(params=["of a decoder", "of p2w generate"])
def folder(request, tiny_base_model, tmp_path):
    """An adapter as a decoder makes it: flat weights, through the layout, in PEFT's format; and a user's own."""
    if request.param == "of p2w generate":
        return request.getfixturevalue("generated")
    adapted = load_adapted(tiny_base_model, LoraSettings(rank=4, alpha=8))
    layout = adapted.layout
    flat = torch.randn(layout.size, generator=torch.Generator().manual_seed(0))
    write_adapter(tmp_path, layout.unflatten(flat), adapted.adapter_config)
    return tmp_path


def test_config_has_what_is_required_and_nothing_unsupported(folder):
    config = json.loads((folder / "adapter_config.json").read_text())
    assert type(config["r"]) is int
    assert 0 < config["r"] <= MAX_LORA_RANK
    assert type(config["lora_alpha"]) is int
    assert isinstance(config["target_modules"], list)
    assert {module.rsplit(".", 1)[-1] for module in config["target_modules"]} == SUPPORTED
    assert config["bias"] == "none"
    assert not config["modules_to_save"]
    assert config["use_dora"] is False
    assert config["use_rslora"] is False
    # Unknown to vLLM, which would apply one rank and one scale to all modules.
    assert not config["rank_pattern"]
    assert not config["alpha_pattern"]


def test_names_and_shapes_of_the_weights(folder):
    rank = json.loads((folder / "adapter_config.json").read_text())["r"]
    found = {}
    for name, tensor in load_file(folder / "adapter_model.safetensors").items():
        match = re.fullmatch(r"base_model\.model\.(model\.layers\.\d+\.\w+\.(\w+))\.lora_([AB])\.weight", name)
        assert match, name
        assert match[2] in SUPPORTED
        assert tensor.shape[0 if match[3] == "A" else 1] == rank
        found.setdefault(match[1], set()).add(match[3])
    assert len(found) == 2 * len(SUPPORTED)
    assert all(halves == {"A", "B"} for halves in found.values())


@pytest.mark.parametrize("path", sorted((PROJECT / "config/experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_ranks_of_shipped_experiments_can_be_served(path):
    lora = yaml.safe_load(path.read_text()).get("lora", {})
    assert lora.get("rank", 1) <= MAX_LORA_RANK
