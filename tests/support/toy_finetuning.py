"""Fine-tuning that takes a moment, and the files that an epoch of it leaves."""

from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings

LORA = LoraSettings(rank=3, alpha=7, dropout=0.1)
CONFIG = FinetuneConfig(
    max_samples=20, batch_size=6, learning_rate=5e-3, weight_decay=0.01, warmup_steps=2, snapshots=2, max_length=128
)
FILES = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "snapshots.safetensors",
    "training_state.safetensors",
    "run.json",
)
