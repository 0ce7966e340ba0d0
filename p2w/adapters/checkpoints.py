"""All checkpoints of a task in one parquet file: a row is an adapter, flat; the file's metadata holds the layout."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from p2w.adapters.epoch_files import SnapshotHeader, read_snapshot_header, read_snapshots
from p2w.adapters.layout import AdapterLayout, check_layout
from p2w.runtime.finite import check_finite
from p2w.runtime.seals import check_seal
from p2w.runtime.tables import PLAIN, TABLES, read_metadata, table_writer

if TYPE_CHECKING:
    import pandas as pd

CONTENT = ("adapter_config", "layout", "provenance", "task")  # keys of a table's metadata
# What must be equal for two adapters to stand in one table: same model, same shapes, same scale.
SAME = ("base_model_name_or_path", "revision", "r", "lora_alpha", "use_rslora", "target_modules")

GROUP = 2**24  # weights of a row group, which is held in memory until it is written


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one task.

    `rows` has the columns task, epoch, step, seed, loss; `weights` is (n, size) float32, row by row the same adapters.
    """

    task: str
    layout: AdapterLayout
    adapter_config: dict[str, Any]
    rows: "pd.DataFrame"
    weights: Tensor
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Block:
    """Some rows of the table: `epoch`, `step`, `loss` of n adapters and their `weights` (n, size)."""

    epoch: int
    step: Sequence[int]
    loss: Sequence[float | None]
    weights: Tensor


def write_checkpoints(
    output: str | Path,
    task: str,
    epoch_folders: Sequence[str | Path],
    provenance: dict[str, Any],
    first_epoch: int = 1,
) -> None:
    """Gather the snapshots of a task's epochs, from `first_epoch` on, by epoch and step.

    Raises ValueError: no epoch is left, or folders of another task, seed, layout, rank or base model; names the folder,
    found and expected.
    """
    found = sorted(((read_snapshot_header(folder), Path(folder)) for folder in epoch_folders), key=lambda p: p[0].epoch)
    used = [(header, folder) for header, folder in found if header.epoch >= first_epoch]
    if not used:
        numbers = [header.epoch for header, _ in found]
        raise ValueError(f"{task}: found epochs {numbers}, expected at least one from epoch {first_epoch} on")
    first = used[0][0]
    for header, folder in used:
        _check_header(folder, header, task, first)
    for (before, _), (header, folder) in pairwise(used):
        if before.epoch == header.epoch:
            raise ValueError(f"{folder}: epoch {header.epoch} is given more than once, expected each once")
    blocks = (_block(folder) for _, folder in used)
    write_blocks(output, task, first.seed, first.layout, first.adapter_config, blocks, provenance)


def _check_header(folder: Path, header: SnapshotHeader, task: str, first: SnapshotHeader) -> None:
    for name, found, expected in (("task", header.task, task), ("seed", header.seed, first.seed)):
        if found != expected:
            raise ValueError(f"{folder}: {name}: found {found!r}, expected {expected!r}")
    check_same(str(folder), header.adapter_config, first.adapter_config)
    check_layout(str(folder), header.layout, first.layout)


def check_same(where: str, found: Mapping[str, Any], expected: Mapping[str, Any], keys: Sequence[str] = SAME) -> None:
    """ValueError that names the first of `keys` in which two adapter configs differ."""
    for key in keys:
        if found.get(key) != expected.get(key):
            raise ValueError(f"{where}: {key}: found {found.get(key)!r}, expected {expected.get(key)!r}")


def _block(folder: Path) -> Block:
    snapshots = read_snapshots(folder)
    return Block(snapshots.header.epoch, snapshots.step.tolist(), snapshots.loss.tolist(), snapshots.weights)


def write_blocks(
    output: str | Path,
    task: str,
    seed: int | None,
    layout: AdapterLayout,
    adapter_config: dict[str, Any],
    blocks: Iterable[Block],
    provenance: dict[str, Any],
) -> None:
    """Write a checkpoint table from blocks of rows; one block is in memory at a time."""
    metadata = {"task": task, "layout": layout.to_json(), "adapter_config": adapter_config, "provenance": provenance}
    with table_writer(output, _schema(layout.size), metadata, **PLAIN) as writer:
        for block in blocks:
            writer.write_table(_table(task, seed, block, writer.schema), row_group_size=max(1, GROUP // layout.size))


def _schema(size: int) -> pa.Schema:
    weights = pa.list_(pa.field("element", pa.float32(), nullable=False), size)
    return pa.schema(
        [
            pa.field("task", pa.string(), nullable=False),
            pa.field("epoch", pa.int64(), nullable=False),
            pa.field("step", pa.int64(), nullable=False),
            pa.field("seed", pa.int64()),
            pa.field("loss", pa.float32()),
            pa.field("weights", weights, nullable=False),
        ]
    )


def _table(task: str, seed: int | None, block: Block, schema: pa.Schema) -> pa.Table:
    count = len(block.step)
    values = pa.array(block.weights.contiguous().numpy().reshape(-1))
    columns = {
        "task": [task] * count,
        "epoch": [block.epoch] * count,
        "step": block.step,
        "seed": [seed] * count,
        "loss": block.loss,
        "weights": pa.FixedSizeListArray.from_arrays(values, type=schema.field("weights").type),
    }
    return pa.table(columns, schema=schema)


def read_checkpoints(path: str | Path) -> Checkpoints:
    """Read a checkpoint table, its weights once. Raises ValueError: not a checkpoint table of P2W, or a damaged one."""
    check_seal(path, TABLES)
    metadata = _read_content(path)
    layout = AdapterLayout.from_json(metadata["layout"])
    rows, weights = _read_rows(path, layout.size)
    return Checkpoints(metadata["task"], layout, metadata["adapter_config"], rows, weights, metadata["provenance"])


def _read_content(path: str | Path) -> dict[str, Any]:
    """The metadata of a checkpoint table; ValueError when it is that of another kind of table."""
    metadata = read_metadata(path)
    if sorted(metadata) != list(CONTENT):
        raise ValueError(f"{path}: found a table with {', '.join(sorted(metadata))}, expected one of checkpoints")
    return metadata


def _read_rows(path: str | Path, size: int) -> "tuple[pd.DataFrame, Tensor]":
    """The columns but the weights; and these (n, size), a row group after the other put where it stays.

    Read at once, they would grow in memory that is copied again and again: five times the seconds, twice the memory.
    """
    with pq.ParquetFile(path) as file:
        rows = file.read([name for name in file.schema_arrow.names if name != "weights"]).to_pandas()
        weights, start = torch.empty(len(rows), size), 0
        for block in _weight_blocks(file, size):
            weights[start : start + len(block)] = block
            start += len(block)
    return rows, weights


def _weight_blocks(file: pq.ParquetFile, size: int) -> Iterator[Tensor]:
    """The weights (n, size) of one row group after the other, in the memory into which they were decoded."""
    for number in range(file.num_row_groups):
        for chunk in file.read_row_group(number, ["weights"], use_threads=False).column(0).chunks:
            yield torch.from_dlpack(chunk.flatten()).view(-1, size)


class CheckpointFiles(Mapping[str, Tensor]):
    """Flat weights (n, size) by task, read from the task's table at every look-up and not kept.

    `layout` and `adapter_config` are those of the first table. Raises ValueError: not a checkpoint table of P2W, two
    tables of a task, tables of different layouts or base models; names the file.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        headers = {path: _read_content(path) for path in paths}
        first = headers[paths[0]]
        self.layout, self.adapter_config = AdapterLayout.from_json(first["layout"]), first["adapter_config"]
        self._paths: dict[str, str | Path] = {}
        for path, header in headers.items():
            check_layout(str(path), AdapterLayout.from_json(header["layout"]), self.layout)
            check_same(str(path), header["adapter_config"], self.adapter_config)
            other = self._paths.setdefault(header["task"], path)
            if other != path:
                raise ValueError(f"{path}: task {header['task']!r} is in {other} too, expected once")

    def __getitem__(self, task: str) -> Tensor:
        return read_checkpoints(self._paths[task]).weights

    def count(self, task: str) -> int:
        """How many checkpoints a task has."""
        return pq.read_metadata(self._paths[task]).num_rows

    def blocks(self, task: str) -> Iterator[Tensor]:
        """The weights (n, size) of a task's checkpoints in order, one row group in memory at a time."""
        check_seal(self._paths[task], TABLES)
        with pq.ParquetFile(self._paths[task]) as file:
            yield from _weight_blocks(file, self.layout.size)

    def mean(self, task: str) -> Tensor:
        """The mean (size,) of a task's checkpoints, of which one row group is in memory at a time."""
        return sum(block.sum(0) for block in self.blocks(task)) / self.count(task)

    def means(self) -> dict[str, Tensor]:
        """Of every task, (size,) by name. Raises ValueError: one that is not finite."""
        found = {task: self.mean(task) for task in sorted(self)}
        check_finite("checkpoints", found)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def blocks_of(checkpoints: Mapping[str, Tensor], task: str) -> tuple[int, Iterable[Tensor]]:
    """How many checkpoints a task has, and their weights (n, size) in order: of files a row group at a time."""
    if isinstance(checkpoints, CheckpointFiles):
        return checkpoints.count(task), checkpoints.blocks(task)
    flat = checkpoints[task]
    return len(flat), [flat]
