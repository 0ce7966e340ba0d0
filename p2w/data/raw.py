"""The raw stage: one split of a dataset, its own columns unchanged, whatever it comes from."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from p2w.config.sources import Source
from p2w.config.tasks import HubFiles, Location
from p2w.data.own_questions import read_json_samples
from p2w.data.raw_hub import hub_file
from p2w.runtime.files import sha256, transaction, write_json
from p2w.runtime.provenance import provenance
from p2w.runtime.tables import read_foreign_table, write_table

# A table, where it comes from, and the files outside the Hub that were read for it.
Raw = tuple[pa.Table, dict[str, Any], list[Path]]


def fetch_raw(source: Source, name: str, task: Location, split: str, output: Path) -> None:
    """Write one of the dataset's own splits to `output`, and its manifest beside it as `{split}.manifest.json`.

    A task with `json` files is read from them whatever the source.

    Raises:
        ValueError: a split, file or row that is not what the task table says.
        OSError: a file that cannot be had.
    """
    if task.json:
        table, origin, inputs = _from_json(name, task.json, split)
    elif source.kind == "pocket":
        table, origin, inputs = _from_pocket(source, name, task, split)
    else:
        table, origin, inputs = _from_file(source, name, _hub(name, task), split)
    config = {"source": source.describe(), "task": name, "split": split, "location": asdict(task)}
    manifest = {
        "source": source.describe(),
        "task": name,
        "split": split,
        **origin,
        "rows": table.num_rows,
        "columns": table.schema.names,
        "provenance": provenance("raw", config, inputs),
    }
    with transaction():
        write_table(output, table, manifest)
        write_json(manifest_path(output), manifest)


def manifest_path(output: Path) -> Path:
    """Where the manifest of a raw table lies."""
    return output.with_name(f"{output.stem}.manifest.json")


def _from_json(name: str, files: Mapping[str, str], split: str) -> Raw:
    path = Path(_entry(f"tasks.{name}.json", files, split))
    return read_json_samples(path), {"source": {"kind": "json"}, **_origin(path.as_posix(), path)}, [path]


def _from_file(source: Source, name: str, hub: HubFiles, split: str) -> Raw:
    file = _entry(f"tasks.{name}.hub.files", hub.files, split)
    path = hub_file(hub, split) if source.kind == "hub" else _local_file(str(source.root), hub, file)
    # A folder may hold another version than the pinned one, so only the Hub's file carries the revision.
    revision = hub.revision if source.kind == "hub" else None
    # The place of the Hub's cache is the machine's own affair.
    inputs = [] if source.kind == "hub" else [path]
    return read_foreign_table(path), _origin(file, path, dataset=hub.dataset, revision=revision), inputs


def _local_file(root: str, hub: HubFiles, file: str) -> Path:
    path = Path(root, hub.dataset, file)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; source of kind local: expected {{root}}/{{dataset}}/{{file}}")
    return path


def _from_pocket(source: Source, name: str, task: Location, split: str) -> Raw:
    from p2w.pocket.tables import pocket_table
    from p2w.pocket.world import WORLD

    rows = pocket_rows(source, task, split)
    table = pa.Table.from_pandas(pocket_table(name, split, rows, int(source.seed or 0)), preserve_index=False)
    return table, _origin(f"p2w/pocket/{WORLD.name}", WORLD, dataset=f"pocket/{name}"), []


def pocket_rows(source: Source, task: Location, split: str) -> int:
    """How many rows one of the dataset's own splits has: the most that a P2W split read from it asks for."""
    counts = [source.rows.get(own, 0) for own, theirs in task.splits.items() if theirs == split]
    if not any(counts):
        raise ValueError(f"no rows for split {split!r}; splits: {task.splits}, rows: {source.rows}")
    return max(counts)


def _hub(name: str, task: Location) -> HubFiles:
    if task.hub is None:
        raise ValueError(f"tasks.{name}: no files of a dataset; expected hub or json")
    return task.hub


def _entry(where: str, files: Mapping[str, str], split: str) -> str:
    if split not in files:
        raise ValueError(f"{where}: no split {split!r}; splits: {', '.join(files)}")
    return files[split]


def _origin(file: str, path: Path, dataset: str | None = None, revision: str | None = None) -> dict[str, Any]:
    return {"dataset": dataset, "revision": revision, "file": file, "sha256": sha256(path)}
