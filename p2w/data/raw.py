"""The raw stage: one split of a dataset, its own columns unchanged, whatever it comes from."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from p2w.config.locations import Location
from p2w.config.places import without_secrets
from p2w.config.sources import Source
from p2w.runtime.files import sha256, transaction, write_json
from p2w.runtime.provenance import provenance
from p2w.runtime.tables import write_table

if TYPE_CHECKING:
    from datasets import Features


@dataclass(frozen=True)
class Found:
    """The files of a split by the names that the manifest gives them, and what is known of them."""

    files: dict[str, Path]
    features: "Features | None" = None
    dataset: str | None = None
    revision: str | None = None
    inputs: list[Path] = field(default_factory=list)  # no copies of what is elsewhere: the user's own files


def fetch_raw(source: Source, name: str, task: Location, split: str, output: Path, questions: bool = False) -> None:
    """Write one of the dataset's own splits to `output`, and its manifest beside it as `{split}.manifest.json`.

    `source` says where datasets of the Hub are (a local one stands for the web too), `task` where the rows of the task
    called `name` are. `questions`: its rows are read as `p2w.data.questions` does. Raises ValueError: a split, file or
    row that is not what the task table says. Raises OSError: a file that cannot be had.
    """
    _check_split(name, task, split)
    with TemporaryDirectory() as downloads:
        if source.kind == "pocket" and not (task.file or task.files or task.folder):
            found, table = _pocket(source, name, task, split)
        else:
            # It needs datasets, whose import takes longer than the pocket world's tables.
            from p2w.data.found import find, read

            found = find(source, name, task, split, Path(downloads))
            try:
                table = read(name, task, split, found, questions)
            except ValueError as error:  # the place of a download says nothing
                raise ValueError(str(error).replace(f"{downloads}/", "")) from error
        hashes = {file: sha256(path) for file, path in found.files.items()}
    config = {"source": source.given(), "task": name, "split": split, "location": _public(task.given())}
    manifest = {
        "source": source.given(),
        "task": name,
        "split": split,
        "dataset": found.dataset,
        "revision": found.revision,
        "files": hashes,
        "rows": table.num_rows,
        "columns": table.schema.names,
        "provenance": provenance("raw", config, found.inputs),
    }
    with transaction():
        write_table(output, table, manifest)
        write_json(manifest_path(output), manifest)


def manifest_path(output: Path) -> Path:
    """Where the manifest of a raw table lies."""
    return output.with_name(f"{output.stem}.manifest.json")


def _check_split(name: str, task: Location, split: str) -> None:
    files = task.hub.files if task.hub else task.files
    if files and split not in files:
        raise ValueError(f"tasks.{name}{'.hub' * bool(task.hub)}.files: no split {split!r}; splits: {', '.join(files)}")


def _pocket(source: Source, name: str, task: Location, split: str) -> tuple[Found, pa.Table]:
    from p2w.pocket.tables import pocket_table
    from p2w.pocket.world import WORLD

    rows = pocket_table(name, split, pocket_rows(source, task, split), int(source.seed or 0))
    world = {f"p2w/pocket/{WORLD.name}": WORLD}
    return Found(world, dataset=f"pocket/{name}"), pa.Table.from_pandas(rows, preserve_index=False)


def pocket_rows(source: Source, task: Location, split: str) -> int:
    """How many rows one of the dataset's own splits has: the most that a P2W split read from it asks for."""
    counts = [source.rows.get(own, 0) for own, theirs in task.splits.items() if theirs == split]
    if not any(counts):
        raise ValueError(f"no rows for split {split!r}; splits: {task.splits}, rows: {source.rows}")
    return max(counts)


def _public(value: Any) -> Any:
    """A configuration without queries of addresses."""
    if isinstance(value, dict):
        return {key: _public(entry) for key, entry in value.items()}
    return without_secrets(value) if isinstance(value, str) else value
