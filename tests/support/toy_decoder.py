"""Training of a small decoder on tasks that are easy to tell apart."""

import torch

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.training import train_decoder
from p2w.prompts.states import PromptStates
from tests.support.official import random_lora
from tests.support.settings import replace

DIMS = {"q": (14, 14), "v": (14, 7), "down": (21, 14)}
LENGTH, DIM, RANK = 5, 24, 2
CONFIG = DecoderConfig(num_prompts=6, shapes=((16, 4, 12), (48, 4, 12)), kernel_size=3, steps=120, batch_size=7,
                       learning_rate=1e-2, warmup_steps=6, scales="log")  # fmt: skip
SHORT = replace(CONFIG, steps=4, warmup_steps=2)


def make_tasks(num_tasks=3, num_prompts=20, checkpoints=4):
    """Tasks with distinct clusters of prompts and distinct adapters; (spec, conditions, checkpoints)."""
    layout = AdapterLayout.from_tensors(random_lora(0, 1, DIMS, RANK))
    generator = torch.Generator().manual_seed(0)
    conditions, weights = {}, {}
    for number in range(num_tasks):
        adapter = layout.flatten(random_lora(number, 1, DIMS, RANK))
        weights[f"task_{number}"] = adapter + 3e-4 * torch.randn(checkpoints, layout.size, generator=generator)
        lengths = torch.randint(1, LENGTH + 1, (num_prompts,), generator=generator)
        tokens = torch.randn(DIM, generator=generator) + torch.randn(int(lengths.sum()), DIM, generator=generator)
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
        conditions[f"task_{number}"] = PromptStates(tokens.half(), offsets, LENGTH)
    return WeightTokens(layout, CONFIG.token_width, CONFIG.scales), conditions, weights


def train(config=CONFIG, seed=0, **kwargs):
    spec, conditions, checkpoints = make_tasks()
    return train_decoder(config, spec, conditions, checkpoints, seed, **kwargs)
