"""What one epoch of fine-tuning leaves behind beside the adapter: snapshots, and the state that the next one needs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.peft_folder import CONFIG_FILE, WEIGHTS_FILE, write_adapter
from p2w.runtime.files import link, transaction
from p2w.runtime.provenance import RUN_FILE
from p2w.runtime.seals import check_files, read_record
from p2w.runtime.tensor_files import read_tensors, write_tensors

SNAPSHOTS_FILE = "snapshots.safetensors"
STATE_FILE = "training_state.safetensors"
EPOCH_FILES = (WEIGHTS_FILE, CONFIG_FILE, SNAPSHOTS_FILE, STATE_FILE, RUN_FILE)


@dataclass(frozen=True)
class SnapshotHeader:
    """Where snapshots come from; the part of the file that is read without its weights."""

    task: str
    epoch: int
    seed: int
    layout: AdapterLayout
    adapter_config: dict[str, Any]


HEADER = tuple(field.name for field in fields(SnapshotHeader))


@dataclass(frozen=True)
class Snapshots:
    """Adapters seen during one epoch: `step` (n,) int64, `loss` (n,) float32, `weights` (n, size) float32."""

    header: SnapshotHeader
    step: Tensor
    loss: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Epoch:
    """All that an epoch produced: the loss of every step, the optimizer's state at its end, the settings of the run."""

    snapshots: Snapshots
    losses: list[float]
    state: dict[str, Tensor]
    settings: dict[str, Any]


def write_epoch(folder: str | Path, epoch: Epoch, record: Mapping[str, Any]) -> None:
    """Write the folder of an epoch: all of its files appear or none, the adapter's weights last."""
    folder, header = Path(folder), epoch.snapshots.header
    done = {"epoch": header.epoch, "step": int(epoch.snapshots.step[-1])}
    run = {"task": header.task, **done, "losses": epoch.losses, "provenance": dict(record)}
    tensors = header.layout.unflatten(epoch.snapshots.weights[-1])
    with transaction():
        write_snapshots(folder, epoch.snapshots)
        write_tensors(folder / STATE_FILE, epoch.state, {**done, "settings": epoch.settings})
        write_adapter(folder, tensors, header.adapter_config, {RUN_FILE: run})


def is_epoch_of(folder: Path, record: Mapping[str, Any]) -> bool:
    """Whether a folder holds a whole, undamaged epoch that has just this provenance."""
    try:
        check_files(folder / RUN_FILE, (WEIGHTS_FILE, CONFIG_FILE))
        for name in (SNAPSHOTS_FILE, STATE_FILE):
            read_tensors(folder / name)
        return read_record(folder / RUN_FILE).get("provenance") == record
    except (ValueError, OSError):
        return False


def link_epoch(folder: Path, target: Path) -> None:
    """The files of an epoch in another folder too, without a copy where the file system can do that."""
    with transaction():
        for name in EPOCH_FILES:
            link(folder / name, target / name)


def write_snapshots(folder: str | Path, snapshots: Snapshots) -> None:
    """Write the snapshots of one epoch into its folder."""
    header = {**vars(snapshots.header), "layout": snapshots.header.layout.to_json()}
    tensors = {"step": snapshots.step, "loss": snapshots.loss, "weights": snapshots.weights}
    write_tensors(Path(folder) / SNAPSHOTS_FILE, tensors, header)


def read_snapshot_header(folder: str | Path) -> SnapshotHeader:
    """Task, epoch, seed, layout and adapter config of an epoch folder; reads no weights."""
    _, metadata = read_tensors(Path(folder) / SNAPSHOTS_FILE, (), HEADER)
    return _header(metadata)


def read_snapshots(folder: str | Path) -> Snapshots:
    """Inverse of `write_snapshots`; ValueError names the file when it is missing, broken or of another shape."""
    tensors, metadata = read_tensors(Path(folder) / SNAPSHOTS_FILE, ("step", "loss", "weights"), HEADER)
    header = _header(metadata)
    count, shape = len(tensors["step"]), tuple(tensors["weights"].shape)
    if shape != (count, header.layout.size) or len(tensors["loss"]) != count:
        raise ValueError(f"{folder}/{SNAPSHOTS_FILE}: found weights {shape}, expected {(count, header.layout.size)}")
    return Snapshots(header, **tensors)


def _header(metadata: Mapping[str, Any]) -> SnapshotHeader:
    values = {name: metadata[name] for name in HEADER}
    return SnapshotHeader(**{**values, "layout": AdapterLayout.from_json(values["layout"])})
