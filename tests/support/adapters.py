"""Adapters that say something: PEFT's own start has a lora_B of zeros, and so no effect."""

import torch

from p2w.adapters.peft_folder import write_adapter
from p2w.config.lora import LoraSettings
from p2w.finetuning.adapted_base import load_adapted
from tests.support.peft_models import peft_model, trainable

SMALL = LoraSettings(rank=2, alpha=4)


def random_adapter(base, lora, seed, scale=0.1):
    """A model with a random adapter inside, the adapter's tensors, its config."""
    model = peft_model(base, lora)
    generator = torch.Generator().manual_seed(seed)
    for parameter in trainable(model).values():
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    tensors = {name: parameter.detach().clone() for name, parameter in trainable(model).items()}
    return model.eval(), tensors, load_adapted(base, lora).adapter_config


def constant_adapter(base, value, lora=SMALL):
    """The tensors of an adapter, all of them `value`, and its config."""
    adapted = load_adapted(base, lora)
    return {name: torch.full(shape.shape, value) for name, shape in adapted.tensors.items()}, adapted.adapter_config


def write_random(folder, base, lora, seed, scale=0.1):
    """A random adapter in a folder; the folder."""
    _, tensors, config = random_adapter(base, lora, seed, scale)
    write_adapter(folder, tensors, config)
    return folder
