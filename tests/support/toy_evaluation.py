"""Samples and an adapter as files, to evaluate."""

import torch

from p2w.adapters.peft_folder import write_adapter
from p2w.base.base_model import load_model
from p2w.config.lora import LoraSettings
from p2w.data.samples import write_samples
from p2w.finetuning.training import add_adapter, trainable


def write_toy(tmp_path, base, samples):
    samples_path, folder = tmp_path / "test.parquet", tmp_path / "adapter"
    write_samples(samples_path, samples, {})
    model, config = add_adapter(load_model(base), LoraSettings(rank=2, alpha=4), base)
    tensors = {name: torch.full_like(p, 0.05) for name, p in trainable(model).items()}
    write_adapter(folder, tensors, config)
    return samples_path, folder
