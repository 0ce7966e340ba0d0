"""Ways to break a world (tests/support/bad_world.py): each makes the `change` of a case."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file

from p2w.runtime.tables import read_metadata, read_table, write_table
from tests.support.right_commands import ROWS, Arguments, World

Change = Callable[[World, Arguments], object]
P = ParamSpec("P")


def breaks(change: Callable[Concatenate[World, Arguments, P], object]) -> Callable[P, Change]:
    """Make a change of a world and its arguments that takes more into a function of this that makes the change."""
    return lambda *args, **kwargs: lambda world, arguments: change(world, arguments, *args, **kwargs)


def option(name: str, *values: object) -> Change:
    """Give an option other values; `WORLD` in a text stands for the world's folder."""
    return lambda world, arguments: arguments.update(
        {name: [str(v).replace("WORLD", str(world.folder)) for v in values]}
    )


def without(name: str) -> Change:
    return lambda _world, arguments: arguments.pop(name)


@breaks
def setting(_world: World, arguments: Arguments, name: str, **changes: Any) -> None:
    """Change keys of an option that is JSON; None takes one away."""
    value = {**json.loads(arguments[name][0]), **changes}
    arguments[name] = [json.dumps({key: entry for key, entry in value.items() if entry is not None})]


@breaks
def both(world: World, arguments: Arguments, *changes: Change) -> None:
    for single in changes:
        single(world, arguments)


def gone(name: str) -> Change:
    return lambda world, _: (world / name).unlink()


def replaced(name: str, content: bytes) -> Change:
    return lambda world, _: (world / name).write_bytes(content)


@breaks
def folder_instead(world: World, _: Arguments, name: str) -> None:
    (world / name).unlink(missing_ok=True)
    (world / name).mkdir()


@breaks
def cut(world: World, _: Arguments, name: str) -> None:
    """Keep the first part of a file."""
    content = (world / name).read_bytes()
    (world / name).write_bytes(content[: int(len(content) * 0.6)])


def flip(path: Path, place: float, mask: int = 1) -> None:
    """Change one bit, at that share of the file's length."""
    content = bytearray(path.read_bytes())
    content[min(int(len(content) * place), len(content) - 1)] ^= mask
    path.write_bytes(content)


def flipped(name: str, place: float) -> Change:
    return lambda world, _: flip(world / name, place)


@breaks
def edited(world: World, _: Arguments, name: str, old: str, new: str) -> None:
    """A file of text edited by hand."""
    text = (world / name).read_text()
    assert old in text
    (world / name).write_text(text.replace(old, new, 1))


def copied(source: str, target: str) -> Change:
    return lambda world, _: (world / target).write_bytes((world / source).read_bytes())


@breaks
def dataset(world: World, _: Arguments, **changes: object) -> None:
    """The dataset's rows: a list replaces a column, None takes it away, anything else stands in row 3."""
    pq.write_table(pa.Table.from_pandas(_changed(changes), preserve_index=False), world / "data.parquet")
    write_table(world / "raw.parquet", pq.read_table(world / "data.parquet"), {"split": "train"})
    (world / "data.parquet").unlink()


def _changed(changes: Mapping[str, object]) -> pd.DataFrame:
    frame = pd.DataFrame(ROWS)
    for column, value in changes.items():
        if value is None:
            frame = frame.drop(columns=column)
        elif isinstance(value, list):
            frame[column] = value
        else:
            frame[column] = frame[column].astype(object)
            frame.at[3, column] = None if value == "null" else value
    return frame.astype({"label": str}) if isinstance(changes.get("label"), str) else frame


@breaks
def table(
    world: World, _: Arguments, name: str, edit: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows, **meta: Any
) -> None:
    """Write a table of P2W again with other rows or metadata, as a faulty program might: its seal is right."""
    old = read_table(world / name)
    new = pa.Table.from_pandas(edit(old.to_pandas()), old.schema, preserve_index=False)
    write_table(world / name, new, {**read_metadata(world / name), **meta})


@breaks
def adapter_tensors(world: World, _: Arguments, folder: str, edit: Callable[[dict], dict]) -> None:
    """An adapter as another program would leave it: other tensors, and no hashes beside them."""
    path = world / folder / "adapter_model.safetensors"
    save_file(edit(load_file(path)), path, {"format": "pt"})
    (world / folder / "run.json").unlink()


@breaks
def adapter_config(world: World, _: Arguments, folder: str, **changes: Any) -> None:
    """The same for `adapter_config.json`."""
    path = world / folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    (world / folder / "run.json").unlink()


def with_value(tensors: dict[str, torch.Tensor], value: float) -> dict[str, torch.Tensor]:
    """The first number of the first tensor replaced."""
    first = min(tensors)
    tensors[first].view(-1)[0] = value
    return tensors
