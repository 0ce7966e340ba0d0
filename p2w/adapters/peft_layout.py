"""What PEFT would put on a base model: from the model's config and the LoRA config, without weights."""

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PretrainedConfig

from p2w.adapters.layout import AdapterLayout

if TYPE_CHECKING:
    from peft import LoraConfig

ADAPTER = "default"  # PEFT's own name for a model's first adapter, a part of its parameter names in memory


def placed(model_config: PretrainedConfig, lora_config: "LoraConfig") -> tuple[dict[str, Tensor], "LoraConfig"]:
    """An adapter's tensors (on the meta device: names and shapes alone) in the order in which PEFT makes them, and the
    config with the modules that it found."""
    from peft import inject_adapter_in_model

    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        model = AutoModelForCausalLM.from_config(model_config)
        config = copy.deepcopy(lora_config)  # PEFT writes into the config it is given
        inject_adapter_in_model(config, model, ADAPTER)
    tensors = {
        name.replace(f".{ADAPTER}.", "."): parameter.detach()
        for name, parameter in model.named_parameters()
        if f".{ADAPTER}." in name
    }
    return tensors, config


def layout_of(model_config: PretrainedConfig, lora_config: "LoraConfig") -> AdapterLayout:
    """Layout of the adapter that PEFT would put on the model."""
    return AdapterLayout.from_tensors(placed(model_config, lora_config)[0])
