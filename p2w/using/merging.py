"""An adapter in the weights of its base model."""

import os
import secrets
import shutil
from pathlib import Path

from p2w.base.base_model import load_model, load_tokenizer
from p2w.config.base_model import BaseModel
from p2w.runtime.files import write_json
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.using.adapter import Adapter


def merge(adapter: Adapter, base: BaseModel, folder: Path) -> None:
    """Write W + (alpha / rank) B A and the tokenizer into a new folder that transformers opens; it appears whole.

    Raises ValueError: the folder exists, or the base model is another one than the adapter's.
    """
    if folder.exists():
        raise ValueError(f"{folder}: found it there already, expected the name of a new folder")
    tokenizer, model = load_tokenizer(base), load_model(base)
    merged = adapter.apply(model).merge_and_unload()
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    temporary.mkdir(parents=True)
    try:
        merged.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        record = provenance("p2w/using/merging.py", {"base_model": base.given()})
        write_json(temporary / RUN_FILE, {**record, "adapter": dict(adapter.record)})
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
