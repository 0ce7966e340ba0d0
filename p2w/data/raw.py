"""The raw stage: one split of a dataset, its own columns unchanged, whatever it comes from."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from datasets import Features

from p2w.config.places import is_address, mirrored, without_secrets
from p2w.config.sources import Source
from p2w.config.tasks import HubDataset, Location
from p2w.data.division import divided
from p2w.data.hub.dataset import hub_split
from p2w.data.hub.file import check
from p2w.data.layout import split_files
from p2w.data.questions import read_questions
from p2w.data.tables import read_files
from p2w.data.web import download
from p2w.runtime.files import sha256, together, write_json
from p2w.runtime.provenance import provenance
from p2w.runtime.tables import write_table


@dataclass(frozen=True)
class Found:
    """The files of a split by the names that the manifest gives them, and what is known of them."""

    files: dict[str, Path]
    features: Features | None = None
    dataset: str | None = None
    revision: str | None = None
    inputs: list[Path] = field(default_factory=list)  # no copies of what is elsewhere: the user's own files


def fetch_raw(source: Source, name: str, task: Location, split: str, output: Path, questions: bool = False) -> None:
    """Write one of the dataset's own splits to `output`, and its manifest beside it as `{split}.manifest.json`.

    Args:
        source: where datasets of the Hub are; a local one stands for the web too.
        name: of the task.
        task: where its rows are.
        split: the dataset's own name of it.
        output: the table.
        questions: whether the rows are read as questions (`p2w.data.questions`).

    Raises:
        ValueError: a split, file or row that is not what the task table says.
        OSError: a file that cannot be had.
    """
    _check_split(name, task, split)
    with TemporaryDirectory() as downloads:
        if source.kind == "pocket" and not (task.file or task.files or task.folder):
            found, table = Found({}, dataset=f"pocket/{name}"), _pocket_table(source, name, task, split)
        else:
            found = _found(source, name, task, split, Path(downloads))
            try:
                table = _rows(name, task, split, found, questions)
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
    with together():
        write_table(output, table, manifest)
        write_json(manifest_path(output), manifest)


def manifest_path(output: Path) -> Path:
    """Where the manifest of a raw table lies."""
    return output.with_name(f"{output.stem}.manifest.json")


def _check_split(name: str, task: Location, split: str) -> None:
    files = task.hub.files if task.hub else task.files
    if files and split not in files:
        raise ValueError(f"tasks.{name}{'.hub' * bool(task.hub)}.files: no split {split!r}; splits: {', '.join(files)}")


def _found(source: Source, name: str, task: Location, split: str, downloads: Path) -> Found:
    if task.hub:
        return _dataset(source, name, task.hub, split)
    return _own(source, name, task, split, downloads)


def _dataset(source: Source, name: str, hub: HubDataset, split: str) -> Found:
    if source.kind == "hub":
        files, features = hub_split(hub, split)
        return Found(files, features, hub.dataset, hub.revision)
    if source.kind != "local":
        raise ValueError(f"tasks.{name}: its rows are on the Hub, expected a source of kind hub, local or pocket")
    # A folder may hold another version than the pinned one, so only what the Hub sends carries the revision.
    folder = Path(str(source.root), hub.dataset)
    if hub.files:
        names, features = [hub.files[split]], None
    else:
        names, features = _split_files(folder, hub.config, split)
    files = {file: _mirror(folder / file, "{root}/{dataset}/{file}") for file in names}
    return Found(files, features, hub.dataset, inputs=list(files.values()))


def _own(source: Source, name: str, task: Location, split: str, downloads: Path) -> Found:
    if task.folder:
        names, features = _split_files(Path(task.folder), None, split)
        files = {f"{task.folder}/{file}": Path(task.folder, file) for file in names}
        return Found(files, features, inputs=list(files.values()))
    place = task.file or task.files.get(split)
    if not place:
        raise ValueError(f"tasks.{name}: no files of a dataset; expected hub, file, files or folder")
    pinned = task.sha256 if isinstance(task.sha256, str) else task.sha256.get(split)
    called = without_secrets(place)
    if is_address(place) and source.kind != "local":
        return Found({called: download(place, downloads, pinned)})
    path = Path(place)
    if is_address(place):
        path = _mirror(mirrored(str(source.root), place), "{root}/{host}/{path}")
    if pinned and (fault := check(path, pinned)):
        raise ValueError(f"{path}: {fault}")
    return Found({called: path}, inputs=[path])


def _split_files(folder: Path, config: str | None, split: str) -> tuple[list[str], Features | None]:
    try:
        return split_files(folder, config, split)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _mirror(path: Path, layout: str) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; source of kind local: expected {layout}")
    return path


def _rows(name: str, task: Location, split: str, found: Found, questions: bool) -> pa.Table:
    if questions:
        table = pa.concat_tables([read_questions(path, called) for called, path in found.files.items()])
        print(f"{name}: rows of {', '.join(found.files)} read as questions with {', '.join(table.column_names[2:])}")
    else:
        table = read_files(list(found.files.values()), found.features)
    if not (task.file and "test" in task.splits.values()):
        return table
    column = "id" if questions else task.id
    if column is not None and column not in table.column_names:
        raise ValueError(f"tasks.{name}.id: no column {column!r}; columns: {', '.join(table.column_names)}")
    ids = list(map(str, table[column].to_pylist() if column else range(table.num_rows)))
    labelled = table[table.column_names[-1]].is_valid().to_pylist() if questions else [True] * table.num_rows
    try:
        rows = divided(ids, labelled, split)
    except ValueError as error:
        raise ValueError(f"{without_secrets(task.file)}: {error}") from error
    print(f"{name}: {len(rows)} of its {table.num_rows} rows are for {split}, by the hashes of their ids")
    return table.take(rows)


def _pocket_table(source: Source, name: str, task: Location, split: str) -> pa.Table:
    from p2w.pocket.tables import pocket_table

    rows = pocket_rows(source, task, split)
    return pa.Table.from_pandas(pocket_table(name, split, rows, int(source.seed or 0)), preserve_index=False)


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
