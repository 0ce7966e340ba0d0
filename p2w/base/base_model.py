"""The frozen base model and its tokenizer, from the Hub at a pinned revision or from a folder."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

T = TypeVar("T")


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
    def files(self) -> list[Path]:
        """Files of a model in a folder, sorted; none of a Hub's, which its revision stands for."""
        return sorted(path for path in Path(self.path).rglob("*") if path.is_file()) if self.path else []

    @property
    def _pin(self) -> dict[str, str]:
        return {"revision": str(self.revision)} if self.hub else {}

    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, with the model's own chat template; ValueError names a folder that holds none.

        A folder's tokenizer.json is taken as it is: AutoTokenizer would split words in the manner of the architecture.
        """
        own = self.path is not None and Path(self.path, "tokenizer.json").is_file()
        kind = PreTrainedTokenizerFast if own else AutoTokenizer
        return self._loaded("tokenizer", lambda: kind.from_pretrained(self.name, **self._pin))

    def load(self, device: torch.device | str = "cpu") -> PreTrainedModel:
        """The model in evaluation mode on `device`, its weights frozen; ValueError names a folder that holds none."""
        logging.disable_progress_bar()
        dtype = getattr(torch, self.dtype)
        model = self._loaded("model", lambda: AutoModelForCausalLM.from_pretrained(self.name, dtype=dtype, **self._pin))
        return model.to(device).eval().requires_grad_(False)

    def _loaded(self, part: str, load: Callable[[], T]) -> T:
        """Result of `load`; ValueError names the folder when it is missing or something in it is broken."""
        if self.path is not None and not Path(self.path).is_dir():
            raise ValueError(f"base_model.path: found no folder {self.path!r}, expected that of a model")
        try:
            return load()
        except (ValueError, TypeError, KeyError, RuntimeError, OSError, SafetensorError) as error:
            if self.path is None:
                raise
            raise ValueError(f"{self.path}: not a readable {part} ({str(error)[:300]})") from error


def check_base_model(where: str | Path, adapter_config: Mapping[str, Any], base: BaseModel) -> None:
    """ValueError unless an adapter is one of `base`, at the same revision."""
    for key, expected in (("base_model_name_or_path", base.name), ("revision", base.revision)):
        if adapter_config.get(key) != expected:
            raise ValueError(f"{where}: {key}: found {adapter_config.get(key)!r}, expected {expected!r}")
