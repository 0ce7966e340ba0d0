"""The frozen base model and its tokenizer, from the Hub at a pinned revision or from a folder."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from p2w.files import sha256


@dataclass(frozen=True)
class BaseModel:
    """Which base model: a Hub id with a pinned revision, or a folder; and the precision it computes in."""

    hub: str | None = None
    revision: str | None = None
    path: str | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        if (self.hub is None) == (self.path is None):
            raise ValueError("base_model: expected exactly one of hub, path")
        if self.hub is not None and not re.fullmatch("[0-9a-f]{40}", self.revision or ""):
            raise ValueError(f"base_model.revision: found {self.revision!r}, expected a commit of 40 hex digits")

    @property
    def name(self) -> str:
        """What PEFT calls `base_model_name_or_path`."""
        return str(self.hub or self.path)

    @property
    def _pin(self) -> dict[str, str]:
        return {"revision": str(self.revision)} if self.hub else {}

    def fingerprint(self) -> dict[str, str]:
        """sha256 of every file of a folder, by name; nothing for a Hub model, whose revision says it all."""
        files = sorted(path for path in Path(self.path).rglob("*") if path.is_file()) if self.path else []
        return {path.relative_to(self.name).as_posix(): sha256(path) for path in files}

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, with the model's own chat template.

        A folder's tokenizer.json is taken as it is: AutoTokenizer would split words in the manner of the architecture.
        """
        own = self.path is not None and Path(self.path, "tokenizer.json").is_file()
        return (PreTrainedTokenizerFast if own else AutoTokenizer).from_pretrained(self.name, **self._pin)

    def load(self, device: torch.device | str = "cpu") -> PreTrainedModel:
        """The model in evaluation mode on `device`, its weights frozen."""
        logging.disable_progress_bar()
        model = AutoModelForCausalLM.from_pretrained(self.name, dtype=getattr(torch, self.dtype), **self._pin)
        return model.to(device).eval().requires_grad_(False)
