"""Qwen2.5-0.5B and its data without a download: the published configuration, random weights, made-up prompts."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, Qwen2Config

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.peft_folder import peft_config
from p2w.adapters.peft_layout import layout_of
from p2w.base.base_model import load_model, load_tokenizer
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings
from p2w.prompts.states import PromptStates

POCKET = str(Path(__file__).parent.parent / "p2w/pocket/base_model")
LORA = LoraSettings(rank=8, alpha=16)
LAYERS = 24
MEAN_WORDS = 110  # of a prompt; the common-sense tasks have 60 to 200 tokens
DIM = 384  # of MiniLM

# Qwen/Qwen2.5-0.5B-Instruct, revision 7ae557604adf67be50417f59c2c2f167def9a775, config.json
QWEN = {
    "vocab_size": 151936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "max_window_layers": 21,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    "tie_word_embeddings": True,
}


class RandomQwen(BaseModel):
    """Qwen2.5-0.5B with random weights; its tokenizer is the pocket model's, whose tokens are whole words."""

    path: str | None = "random/Qwen2.5-0.5B"
    layers: int = LAYERS

    @property
    def config(self) -> Qwen2Config:
        """The published configuration, with fewer layers if asked."""
        return Qwen2Config(num_hidden_layers=self.layers, **QWEN)

    def layout(self) -> AdapterLayout:
        """Of a rank-8 adapter on all linear layers."""
        return layout_of(self.config, peft_config(LORA, self.name, None))


@load_tokenizer.register
def _(_: RandomQwen) -> PreTrainedTokenizerBase:
    return load_tokenizer(BaseModel(path=POCKET))


@load_model.register
def _(base: RandomQwen, device: torch.device | str = "cpu") -> PreTrainedModel:
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(base.config, dtype=getattr(torch, base.dtype))
    return model.eval().requires_grad_(False)


def samples(tokenizer: PreTrainedTokenizerBase, count: int, seed: int = 0) -> pd.DataFrame:
    """Labelled four-choice rows whose prompts are random words, as many as in the common-sense tasks."""
    rng = np.random.default_rng(seed)
    words = sorted(token[1:] for token in tokenizer.get_vocab() if token[0] == "Ġ" and token[1:].isalpha())
    letters = [f"[{letter}]" for letter in "ABCD"]
    lengths = np.clip(rng.gamma(4, MEAN_WORDS / 4, count), 20, 400).astype(int)
    rows = [
        {
            "id": f"row-{number}",
            "question": "",
            "choices": letters,
            "answer": number % 4,
            "system": "Pick the right choice.",
            "prompt": " ".join(rng.choice(words, length)),
            "responses": letters,
            "response": letters[number % 4],
        }
        for number, length in enumerate(lengths)
    ]
    return pd.DataFrame(rows).astype({"answer": "Int64"})


def prompt_states(count: int, max_length: int, seed: int, device: torch.device) -> PromptStates:
    """Random token states of `count` prompts."""
    lengths = np.clip(np.random.default_rng(seed).gamma(4, MEAN_WORDS / 4, count), 5, max_length).astype(int)
    offsets = torch.tensor(np.cumsum([0, *lengths]), device=device)
    generator = Generator(device).manual_seed(seed)
    flat = torch.randn(int(offsets[-1]), DIM, generator=generator, device=device, dtype=torch.float16)
    return PromptStates(flat, offsets, max_length)


class RandomCheckpoints(Mapping[str, Tensor]):
    """Flat weights (n, size) of made-up tasks, made at every look-up and not kept."""

    def __init__(self, tasks: int, count: int, size: int) -> None:
        self._numbers, self._shape = {f"task_{number}": number for number in range(tasks)}, (count, size)

    def __getitem__(self, task: str) -> Tensor:
        return torch.randn(self._shape, generator=Generator().manual_seed(self._numbers[task])) * 0.02

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
