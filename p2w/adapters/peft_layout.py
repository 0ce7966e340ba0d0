"""The layout of an adapter before it exists: from the base model's config and the LoRA config, without weights."""

import copy

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, PretrainedConfig

from p2w.adapters.layout import AdapterLayout


def layout_of(model_config: PretrainedConfig, lora_config: LoraConfig) -> AdapterLayout:
    """Layout of the adapter that PEFT would put on the model; nothing is allocated (meta device)."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(model_config)
        # PEFT writes into the config it is given.
        adapted = get_peft_model(model, copy.deepcopy(lora_config))
    # PEFT would add the base layer of an adapted lm_head.
    return AdapterLayout.from_tensors(get_peft_model_state_dict(adapted, save_embedding_layers=False))
