"""A training step of the decoder in the published code's manner: everything is read, tokenized and encoded again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from plain_tokens import tokenize_plain
from prompts import PaddedEncoder
from safetensors.torch import load_file
from torch import Tensor

from p2w.adapters.layout import PEFT_PREFIX
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.hyperconv import HyperConvDecoder


class PlainSteps:
    """An item is a checkpoint file and fresh prompts of its task: https://github.com/jerryliang24/Drag-and-Drop-LLMs."""

    def __init__(
        self,
        config: DecoderConfig,
        spec: WeightTokens,
        decoder: HyperConvDecoder,
        encoder: PaddedEncoder,
        files: Sequence[Sequence[Path]],
        prompts: Sequence[Sequence[str]],
    ) -> None:
        self.config, self.spec, self.decoder, self.encoder = config, spec, decoder, encoder
        self.files, self.prompts, self.rng = files, prompts, np.random.default_rng(0)
        rates = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
        self.optimizer = torch.optim.AdamW(decoder.parameters(), **rates)

    def data(self) -> tuple[Tensor, Tensor]:
        """Conditions (B, N, L, C) and weight tokens (B, T, R, W) of one step."""
        items = [self._item() for _ in range(self.config.batch_size)]
        conditions, targets = (torch.stack(parts) for parts in zip(*items, strict=True))
        conditions += torch.randn_like(conditions) * self.config.condition_noise
        targets += torch.randn_like(targets) * self.config.weight_noise
        return conditions, targets

    def _item(self) -> tuple[Tensor, Tensor]:
        task = self.rng.integers(len(self.files))
        stored = load_file(self.files[task][self.rng.integers(len(self.files[task]))])
        tensors = {name.removeprefix(PEFT_PREFIX): tensor for name, tensor in stored.items()}
        chosen = self.rng.choice(len(self.prompts[task]), self.config.num_prompts, replace=False)
        states, _ = self.encoder([self.prompts[task][number] for number in chosen])
        return states.clone(), tokenize_plain(tensors, self.spec.layout, self.spec.width)

    def step(self) -> float:
        """One update; the loss before it."""
        conditions, targets = self.data()
        loss = (self.decoder(conditions) - targets).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()
