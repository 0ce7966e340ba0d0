"""The record of what made an artifact, wherever it stands: in the file itself, or in a file beside it.

Imports no torch: a record is read in a moment.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import SafetensorError, safe_open

from p2w.runtime.files import atomic_path, read_json
from p2w.runtime.tables import read_metadata

KEY = "p2w"
COMMENT = f"<!-- {KEY} ", " -->"


class NoRecordError(ValueError):
    """A file that no record explains."""


def find_record(path: Path) -> tuple[Path, dict[str, Any]]:
    """Which file holds the record of an artifact, and the object that holds it.

    `made_by` stands in that object, or one level down under `provenance`. Raises FileNotFoundError: no such file.
    Raises NoRecordError: nothing says what made it; names where it was looked for. Raises ValueError: a damaged file.
    """
    path = path / "run.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    places = [path, path.with_name(f"{path.stem}.run.json"), path.with_name("run.json")]
    for place in places:
        if place.is_file() and record_of(found := _read(place)):
            return place, found
    beside = " nor in ".join(place.as_posix() for place in places[1:])
    raise NoRecordError(f"{path}: found no record of what made it, neither in itself nor in {beside}")


def record_of(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record in what a file says about itself; None if it is not there."""
    record = found if "made_by" in found else found.get("provenance")
    return record if isinstance(record, Mapping) and "made_by" in record else None


def _read(path: Path) -> Mapping[str, Any]:
    """What a file says about itself; empty if its kind does not."""
    kind, read = READERS.get(path.suffix, ("", lambda _path: {}))
    try:
        found = read(path)
    except (OSError, SyntaxError, ValueError, SafetensorError) as error:
        if not kind or getattr(error, "errno", None):  # what the reader or the operating system says is clear
            raise
        raise ValueError(f"{path}: not a readable {kind} ({error}); remove it and run again") from error
    return found if isinstance(found, Mapping) else {}


def _in_safetensors(path: Path) -> Any:
    with safe_open(path, framework="np") as file:
        return json.loads((file.metadata() or {}).get(KEY, "{}"))


def _in_text(path: Path) -> Any:
    _, found, rest = path.read_text(encoding="utf-8").rpartition(COMMENT[0])
    return json.loads(rest.partition(COMMENT[1])[0]) if found else {}


def _in_png(path: Path) -> Any:
    with Image.open(path, formats=["PNG"]) as image:
        return json.loads(image.text.get(KEY, "{}"))


# What a kind of file is called where it cannot be read, and what reads it; without a name, the reader itself says so.
READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    ".parquet": ("", read_metadata),
    ".json": ("", read_json),
    ".safetensors": ("safetensors file", _in_safetensors),
    ".png": ("PNG file", _in_png),
    **dict.fromkeys((".md", ".html"), ("text with a record", _in_text)),
}


def as_comment(record: Mapping[str, Any]) -> str:
    """A record as a comment for the end of a markdown or HTML file."""
    # Two hyphens would end the comment early.
    return COMMENT[0] + json.dumps(record, ensure_ascii=False, allow_nan=False).replace("--", "-\\u002d") + COMMENT[1]


def write_into_png(path: Path, record: Mapping[str, Any]) -> None:
    """Put a record into a PNG file, as a text beside the same pixels; the file appears whole."""
    text = PngInfo()
    text.add_text(KEY, json.dumps(record, allow_nan=False))
    with Image.open(path) as image, atomic_path(path) as temporary:
        image.save(temporary, format="PNG", pnginfo=text, dpi=image.info["dpi"])
