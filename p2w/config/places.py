"""Where the rows of a task are, as the workflow plans with it: plain values of the task table and the sources."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# The source of tasks that name files of their own; it is there whatever config/sources.yaml says.
FILES = "files"
# Keys of a task's entry that say where its rows are.
PLACES = ("hub", "file", "files", "folder", "sha256", "together")
# Keys that say how an answer is judged.
SCORING = ("score", "max_new_tokens")


def is_address(place: str) -> bool:
    """Whether a place is on the web and no path."""
    return place.startswith(("http://", "https://"))


def without_secrets(place: str) -> str:
    """An address without its query, which may be a signature; a path as it is."""
    return urlsplit(place)._replace(query="", fragment="").geturl() if is_address(place) else place


def mirrored(root: str, address: str) -> Path:
    """Where a folder in the web's layout keeps a file: {root}/{host}/{path}."""
    parts = urlsplit(address)
    return Path(root, f"{parts.netloc}{unquote(parts.path)}")


def location(task: Mapping[str, Any]) -> dict[str, Any]:
    """What of a task's entry the raw stage depends on."""
    divided = {}
    if "file" in task and "question" in task:
        divided = {"together": _asked(task), **{key: task[key] for key in ("id", "together") if key in task}}
    return {**{key: task[key] for key in (*PLACES, "splits") if key in task}, **divided}


def rendering(task: Mapping[str, Any]) -> dict[str, Any]:
    """What of a task's entry a sample depends on: moving a dataset, or another score, does not change it."""
    kept = {key: task[key] for key in task if key not in (*PLACES, *SCORING)}
    if tests := task.get("score", {}).get("tests"):
        kept["score"] = {"kind": "code", "tests": tests}
    return kept


def _asked(task: Mapping[str, Any]) -> list[str]:
    """Columns that hold what a row asks."""
    wordings = [task["question"]] if isinstance(task["question"], str) else task["question"]
    choices = task.get("choices", {})
    listed = [choices["list"]] if "list" in choices else choices.get("columns", [])
    fields = [field for wording in wordings for field in re.findall(r"{(\w+)}", wording)]
    return sorted({column.partition(".")[0] for column in (*fields, *listed)})


def is_own(source: Mapping[str, Any], task: Mapping[str, Any]) -> bool:
    """Whether a task's rows are files of its own, the same for every source; a local source has its own web."""
    if "hub" in task:
        return False
    places = [task["file"]] if "file" in task else list(task.get("files", {}).values())
    return source["kind"] != "local" or not any(map(is_address, places))


def local_files(source: Mapping[str, Any], task: Mapping[str, Any], split: str) -> list[str]:
    """Local files that a raw table is made from; ValueError for a split that is not there."""
    hub = task.get("hub", {})
    files = hub.get("files") or task.get("files")
    if files and split not in files:
        raise ValueError(f"no raw split {split!r}; raw splits: {', '.join(files)}")
    dataset = hub.get("dataset")
    if hub and source["kind"] == FILES:
        raise ValueError(f"found a dataset of the Hub, {dataset}, expected files of one's own in source {FILES!r}")
    if hub:
        folder = f"{source.get('root')}/{dataset}"
        return _within(folder, files and files[split]) if source["kind"] == "local" else []
    if "folder" in task:
        return _within(task["folder"])
    place = task["file"] if "file" in task else files[split]
    if is_address(place):
        return [mirrored(source["root"], place).as_posix()] if source["kind"] == "local" else []
    return [place]


def _within(folder: str, file: str | None = None) -> list[str]:
    """A file of a folder, or all of them: which of them are a split, the stage finds out."""
    if file:
        return [f"{folder}/{file}"]
    return sorted(path.as_posix() for path in Path(folder).rglob("*") if path.is_file()) or [folder]
