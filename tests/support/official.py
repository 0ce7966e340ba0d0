"""Inputs of the official implementation's golden numbers; see tests/golden/README.md."""

import json
from pathlib import Path

import torch

GOLDEN = Path(__file__).parents[1] / "golden"
VALUES = json.loads((GOLDEN / "dnd_values.json").read_text(encoding="utf-8"))
QWEN_05B = {"q": (896, 896), "k": (896, 128), "v": (896, 128), "o": (896, 896), "up": (896, 4864), "gate": (896, 4864),
            "down": (4864, 896)}  # fmt: skip


def lora_name(layer, module, factor):
    block = "self_attn" if module in "qkvo" else "mlp"
    return f"model.layers.{layer}.{block}.{module}_proj.lora_{factor}.weight"


def random_lora(seed, layers, dims=None, rank=8):
    """The recipe in dnd_values.json, for any dims {module: (in, out)}."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in range(layers):
        for module, (n_in, n_out) in (dims or QWEN_05B).items():
            tensors[lora_name(layer, module, "A")] = torch.randn(rank, n_in, generator=generator) * 0.02 + 0.001
            tensors[lora_name(layer, module, "B")] = torch.randn(n_out, rank, generator=generator) * 0.003 - 0.0002
    return tensors


def decoder_parameter(official_name, shape):
    """The golden decoder's parameter of that name, float64."""
    index = torch.arange(shape.numel(), dtype=torch.float64)
    values = 0.2 * torch.sin(0.37 * index + len(official_name)) + official_name.endswith("norm.weight")
    return values.view(shape)
