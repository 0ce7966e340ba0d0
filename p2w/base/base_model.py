"""The frozen base model and its tokenizer; another kind of `BaseModel` registers its own way to load them."""

import timeit
from collections.abc import Callable, Mapping
from functools import cache, singledispatch
from pathlib import Path
from typing import Any, TypeVar

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

from p2w.base.attention import attend_in_products
from p2w.config.base_model import BaseModel
from p2w.runtime.progress import say

T = TypeVar("T")
SLOW = 2.5  # times as long as in float32: more than a processor with instructions for a precision could take


@singledispatch
def load_tokenizer(base: BaseModel) -> PreTrainedTokenizerBase:
    """The tokenizer, with the model's own chat template; ValueError names a folder that holds none.

    A folder's tokenizer.json is taken as it is: AutoTokenizer would split words in the manner of the architecture.
    """
    own = base.path is not None and (base.folder / "tokenizer.json").is_file()
    kind = PreTrainedTokenizerFast if own else AutoTokenizer
    return _loaded(base, "tokenizer", lambda: kind.from_pretrained(_place(base), **_pin(base)))


@singledispatch
def load_model(base: BaseModel, device: torch.device | str = "cpu") -> PreTrainedModel:
    """The model in evaluation mode on `device`, its weights frozen; ValueError names a folder that holds none."""
    logging.disable_progress_bar()
    dtype = getattr(torch, base.dtype)
    if torch.device(device).type == "cpu" and (times := times_slower(dtype)) > SLOW:
        say(f"warning: {base.dtype} takes this processor {times:.0f} times as long as float32 (docs/smollm2.md)")
    options = {"dtype": dtype, **_pin(base)}
    model = _loaded(base, "model", lambda: AutoModelForCausalLM.from_pretrained(_place(base), **options))
    model = model.to(device).eval().requires_grad_(False)
    attend_in_products(model)
    return model


@cache
def times_slower(dtype: torch.dtype, size: int = 256) -> float:
    """How many times as long as in float32 a product of two matrices takes on the CPU: many where a processor has no
    instructions for bfloat16, of which nothing else would tell."""
    if dtype == torch.float32:
        return 1.0
    seconds = {}
    for kind in (torch.float32, dtype):
        x = torch.ones(size, size, dtype=kind)
        seconds[kind] = min(timeit.repeat(lambda x=x: x @ x, number=1, repeat=4))
    return seconds[dtype] / seconds[torch.float32]


def _place(base: BaseModel) -> str:
    return str(base.hub or base.folder)


def _pin(base: BaseModel) -> dict[str, str]:
    return {"revision": str(base.revision)} if base.hub else {}


def _loaded(base: BaseModel, part: str, load: Callable[[], T]) -> T:
    """Result of `load`; ValueError names the folder when it is missing or something in it is broken."""
    if base.path is not None and not base.folder.is_dir():
        raise ValueError(f"base_model.path: found no folder {base.path!r}, expected that of a model")
    try:
        return load()
    except (ValueError, TypeError, KeyError, RuntimeError, OSError, SafetensorError) as error:
        if base.path is None:
            raise
        raise ValueError(f"{base.path}: not a readable {part} ({str(error)[:300]})") from error


def check_base_model(where: str | Path, adapter_config: Mapping[str, Any], base: BaseModel) -> None:
    """ValueError unless an adapter is one of `base`, at the same revision."""
    for key, expected in (("base_model_name_or_path", base.name), ("revision", base.revision)):
        if adapter_config.get(key) != expected:
            raise ValueError(f"{where}: {key}: found {adapter_config.get(key)!r}, expected {expected!r}")
