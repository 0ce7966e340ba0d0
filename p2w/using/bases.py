"""The base model of an adapter, wherever it is."""

from pathlib import Path

from p2w.config.base_model import BaseModel
from p2w.config.settings import find_folder, parse
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
    """`base`, if its folder exists; one on the Hub is looked for when it is loaded."""
    if base.path is None or Path(base.folder).is_dir():
        return base
    raise ValueError(f"{what}: found no folder {base.path!r}, expected that of a model; say where with --base FOLDER")
