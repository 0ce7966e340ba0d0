"""A base model with one trainable LoRA adapter inside: how it gets there, and how it starts."""

import math
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from p2w.adapters.peft_folder import adapter_config_json, peft_config
from p2w.base.base_model import load_model, load_tokenizer
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings

ADAPTER = "default"  # PEFT's own name for a model's first adapter, a part of its parameter names in memory


class AdaptedBase(NamedTuple):
    """A base model with an adapter inside, for one training after the other: each begins with the adapter's start."""

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    adapter_config: dict[str, Any]


def load_adapted(base: BaseModel, lora: LoraSettings, config: FinetuneConfig, device: torch.device) -> AdaptedBase:
    """The base model on `device`, ready to be trained."""
    model, adapter_config = add_adapter(load_model(base, device), lora, base)
    if config.activation_checkpointing:
        keep_less(model)
    return AdaptedBase(load_tokenizer(base), model, adapter_config)


def add_adapter(model: PreTrainedModel, lora: LoraSettings, base: BaseModel) -> tuple[PreTrainedModel, dict[str, Any]]:
    """`model` with a fresh trainable float32 adapter inside, and its `adapter_config.json`."""
    from peft import inject_adapter_in_model

    config = peft_config(lora, base.name, base.revision)
    with torch.random.fork_rng(devices=[]):
        inject_adapter_in_model(config, model, ADAPTER)
    start_adapter(model, lora.init_seed)
    return model.train(), adapter_config_json(config)


def start_adapter(model: PreTrainedModel, seed: int) -> None:
    """PEFT's own start (lora_A Kaiming-uniform, lora_B zero), drawn from a generator instead of the global one."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in trainable(model).items():
        start = torch.zeros(parameter.shape)
        if name.endswith(".lora_A.weight"):
            nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator)
        parameter.data = start.to(parameter.device)


def keep_less(model: PreTrainedModel) -> None:
    """From now on each layer is computed once more for its gradients, and only its input kept."""
    # The older name is deprecated, the newer one not in every version that P2W runs on.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The adapter's parameters, by the names they have on disk."""
    return {
        name.replace(f".{ADAPTER}.", "."): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
