"""The rows of a split where its files are: on the Hub, on the web, or in a folder."""

from pathlib import Path

import pyarrow as pa
from datasets import Features

from p2w.config.locations import HubDataset, Location
from p2w.config.places import is_address, mirrored, without_secrets
from p2w.config.sources import Source
from p2w.data.division import digest, divided
from p2w.data.hub.dataset import hub_split
from p2w.data.hub.file import check
from p2w.data.layout import split_files
from p2w.data.questions import read_questions
from p2w.data.raw import Found
from p2w.data.tables import read_files
from p2w.data.web import download


def find(source: Source, name: str, task: Location, split: str, downloads: Path) -> Found:
    """The files of a split, checked; those of the web lie in the folder `downloads`."""
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


def read(name: str, task: Location, split: str, found: Found, questions: bool) -> pa.Table:
    """The rows of a split; ValueError names the file and the row that cannot be read."""
    if questions:
        table = pa.concat_tables([read_questions(path, called) for called, path in found.files.items()])
        print(f"{name}: rows of {', '.join(found.files)} read as questions with {', '.join(table.column_names[2:])}")
    else:
        table = read_files(list(found.files.values()), found.features)
    if not (task.file and "test" in task.splits.values()):
        return table
    ids, asked = _identities(name, task, table, questions)
    labelled = table[table.column_names[-1]].is_valid().to_pylist() if questions else [True] * table.num_rows
    try:
        rows = divided(ids, asked, labelled, split)
    except ValueError as error:
        raise ValueError(f"{without_secrets(task.file)}: {error}") from error
    print(f"{name}: {len(rows)} of its {table.num_rows} rows are for {split}, by the hashes of their ids")
    return table.take(rows)


def _identities(name: str, task: Location, table: pa.Table, questions: bool) -> tuple[list[str], list[str]]:
    """What every row is called, and what it asks; a row without an id is called by what it asks."""
    columns = ("id",) if questions else (task.id,) if isinstance(task.id, str) else task.id or ()
    together = table.column_names[1:-1] if questions else task.together or ()
    for key, used in (("id", columns), ("together", together)):
        if missing := [column for column in used if column not in table.column_names]:
            raise ValueError(f"tasks.{name}.{key}: no column {missing[0]!r}; columns: {', '.join(table.column_names)}")
    rows = table.to_pylist()
    asked = [digest(row[column] for column in together) if together else str(n) for n, row in enumerate(rows)]
    if len(columns) == 1:
        return [str(row[columns[0]]) for row in rows], asked
    return [digest(row[column] for column in columns) for row in rows] if columns else asked, asked
