"""Files of any common format as tables: read by `datasets`, labels by their names."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import datasets
import pyarrow as pa
from datasets import ClassLabel, Dataset, Features, Value
from datasets.packaged_modules.arrow.arrow import Arrow

from p2w.runtime.files import read_json
from p2w.runtime.tables import read_foreign_table

datasets.disable_progress_bars()
datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # its errors come back to us anyway
UNREADABLE = (pa.ArrowException, datasets.exceptions.DatasetsError, ValueError, TypeError, OverflowError, OSError)


def read_files(paths: Sequence[Path], features: Features | None = None) -> pa.Table:
    """The rows of all files, in order; `features` (of a dataset card) says which columns are labels.

    A cell of a csv or tsv file is text as it stands, an empty one is missing; a txt file has a column `text`, one row
    per line. Raises ValueError: a file that cannot be read, or files that do not go together; names them.
    """
    tables = [_named(path, _read(path), features) for path in paths]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise ValueError(f"{', '.join(map(str, paths))}: their columns do not go together ({error})") from error


def read_items(path: Path) -> list[Any]:
    """The rows of a file as plain values; ValueError names the file unless there is at least one."""
    if path.suffix not in (".json", ".jsonl"):
        items = _read(path).to_pylist()
    elif path.suffix == ".jsonl":
        items = _lines(path)
    else:
        items = _json(path)
    if not isinstance(items, list) or not items:
        found = "an empty list" if items == [] else type(items).__name__
        raise ValueError(f"{path}: found {found}, expected a list of at least one row")
    return items


def _read(path: Path) -> pa.Table:
    if path.suffix not in READERS:
        raise ValueError(f"{path}: found a file of kind {path.suffix!r}, expected one of {', '.join(READERS)}")
    path.open("rb").close()  # what cannot be opened says so itself
    try:
        return READERS[path.suffix](path)
    except UNREADABLE as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: not a readable {path.suffix[1:]} file ({error.__cause__ or error})") from error


def _built(path: Path, build: Callable[[str, str], Dataset]) -> pa.Table:
    """What a reader of `datasets` makes of a file: no cache is kept, and no name is taken for a pattern."""
    with TemporaryDirectory() as folder:
        link = Path(folder, f"file{path.suffix}")
        link.symlink_to(path.resolve())
        return build(str(link), folder).data.table


def _csv(path: Path) -> pa.Table:
    separator = "\t" if path.suffix == ".tsv" else ","
    with open(path, encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file, delimiter=separator), [])
    if not names or len(set(names)) < len(names):
        raise ValueError(f"found columns {names}, expected a first line with distinct names")
    options = {"sep": separator, "keep_default_na": False, "na_values": [""], "index_col": False}
    text = Features({name: Value("string") for name in names})
    return _built(path, lambda link, cache: Dataset.from_csv(link, None, text, cache, True, **options))


def _text(path: Path) -> pa.Table:
    return _built(path, lambda link, cache: Dataset.from_text(link, cache_dir=cache, keep_in_memory=True))


def _arrow(path: Path) -> pa.Table:
    def build(link: str, cache: str) -> Dataset:
        builder = Arrow(cache_dir=cache, data_files=link)
        builder.download_and_prepare()
        return builder.as_dataset("train", in_memory=True)

    return _built(path, build)


def _rows(path: Path) -> pa.Table:
    """Items of JSON as a table; a key that an item lacks is missing there."""
    items = read_items(path)
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ValueError(f"{path}[{number}]: found {item!r}, expected a mapping")
    columns = {}
    for name in dict.fromkeys(key for item in items for key in item):
        try:
            columns[name] = pa.array([item.get(name) for item in items])
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise ValueError(f"{path}: column {name!r}: found values of several types ({error})") from error
    return Dataset(pa.table(columns)).data.table


def _json(path: Path) -> Any:
    """A list, the list that is an object's only field, or lines of objects."""
    try:
        content = read_json(path)
    except ValueError:
        try:
            return _lines(path)
        except ValueError:
            pass
        raise
    lone = next(iter(content.values())) if isinstance(content, dict) and len(content) == 1 else None
    return lone if isinstance(lone, list) else content


def _lines(path: Path) -> list[Any]:
    items = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                items += [json.loads(line)] if line.strip() else []
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}, line {number}: not valid JSON ({error})") from error
    return items


READERS: dict[str, Callable[[Path], pa.Table]] = {
    ".parquet": read_foreign_table,
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _rows,
    ".jsonl": _rows,
    ".arrow": _arrow,
    ".txt": _text,
}


def _named(path: Path, table: pa.Table, features: Features | None) -> pa.Table:
    """The table with names in place of the numbers of labels (ClassLabel), by its own features or the given ones."""
    known = {**Features.from_arrow_schema(table.schema), **(features or {})}
    for name, feature in known.items():
        labels = getattr(feature, "feature", feature)
        if name in table.column_names and isinstance(labels, ClassLabel):
            try:
                values = [_name(value, labels) for value in table[name].to_pylist()]
            except ValueError as error:
                raise ValueError(f"{path}: column {name!r}: {error}") from error
            kind = pa.string() if labels is feature else pa.list_(pa.string())
            table = table.set_column(table.column_names.index(name), name, pa.array(values, kind))
    return table


def _name(value: Any, labels: ClassLabel) -> Any:
    if isinstance(value, list):
        return [_name(item, labels) for item in value]
    if value is None or value in labels.names:
        return value
    number = int(value) if str(value).lstrip("-").isdecimal() else len(labels.names)
    if number >= len(labels.names):
        raise ValueError(f"found label {value!r}, expected one of {labels.names}")
    return labels.names[number] if number >= 0 else None  # -1: no label
