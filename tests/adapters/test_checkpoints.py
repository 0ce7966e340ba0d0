"""One table per task: what went in comes out, in any reader; foreign files become the same table or a clear error."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from p2w.adapters import checkpoints
from p2w.adapters.checkpoints import Block, CheckpointFiles, read_checkpoints, write_blocks, write_checkpoints
from p2w.adapters.epoch_files import SnapshotHeader, Snapshots, write_snapshots
from p2w.adapters.foreign_checkpoints import checkpoint_files, import_checkpoints
from p2w.adapters.layout import AdapterLayout
from p2w.config.lora import LoraSettings

CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 6, "base_model_name_or_path": "base", "target_modules": ["q_proj"]}


def adapter(seed, rank=2, width=5):
    generator = torch.Generator().manual_seed(seed)
    module = "model.layers.0.self_attn.q_proj"
    return {
        f"{module}.lora_A.weight": torch.randn(rank, width, generator=generator),
        f"{module}.lora_B.weight": torch.randn(7, rank, generator=generator),
    }


def write_epoch_folder(folder, epoch, steps=(1, 2), config=CONFIG, task="toy", **shape):
    """Snapshots of one epoch; returns their weights (n, size)."""
    adapters = [adapter(100 * epoch + step, **shape) for step in steps]
    layout = AdapterLayout.from_tensors(adapters[0])
    weights = torch.stack([layout.flatten(tensors) for tensors in adapters])
    header = SnapshotHeader(task, epoch, 3, layout, config)
    write_snapshots(folder, Snapshots(header, torch.tensor(steps), torch.full((len(steps),), 0.5), weights))
    return weights


@pytest.fixture
def epochs(tmp_path):
    """Folders of three epochs, and their weights."""
    folders = [tmp_path / f"epoch_{k}" for k in (1, 2, 3)]
    return folders, [write_epoch_folder(folder, k) for k, folder in enumerate(folders, 1)]


def test_round_trip(epochs, tmp_path):
    folders, weights = epochs
    write_checkpoints(tmp_path / "toy.parquet", "toy", folders[::-1], {"made_by": "test"})
    found = read_checkpoints(tmp_path / "toy.parquet")
    assert torch.equal(found.weights, torch.cat(weights))
    assert found.weights.dtype == torch.float32
    assert (found.task, len(found), found.adapter_config) == ("toy", 6, CONFIG)
    assert found.provenance == {"made_by": "test"}
    assert found.layout == AdapterLayout.from_tensors(adapter(0))
    assert found.rows["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    assert found.rows["step"].tolist() == [1, 2, 1, 2, 1, 2]
    assert found.rows["seed"].tolist() == [3] * 6
    tensors = found.layout.unflatten(found.weights[3])
    assert all(torch.equal(tensors[name], tensor) for name, tensor in adapter(202).items())


def test_plain_readers(epochs, tmp_path):
    folders, weights = epochs
    path = tmp_path / "toy.parquet"
    write_checkpoints(path, "toy", folders, {})
    frame = pd.read_parquet(path)
    assert frame.columns.tolist() == ["task", "epoch", "step", "seed", "loss", "weights"]
    np.testing.assert_array_equal(np.stack(frame["weights"]), torch.cat(weights).numpy())
    table = pq.read_table(path)
    assert str(table.schema.field("weights").type) == f"fixed_size_list<element: float not null>[{weights[0].shape[1]}]"
    assert json.loads(table.schema.metadata[b"p2w"])["adapter_config"] == CONFIG


def test_first_epoch(epochs, tmp_path):
    folders, weights = epochs
    write_checkpoints(tmp_path / "toy.parquet", "toy", folders, {}, first_epoch=3)
    assert torch.equal(read_checkpoints(tmp_path / "toy.parquet").weights, weights[2])


def test_equal_input_gives_equal_bytes(epochs, tmp_path):
    folders, _ = epochs
    for name in ("one", "two"):
        write_checkpoints(tmp_path / name, "toy", folders, {"b": 1, "a": 2})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"task": "tea"}, "epoch_4: task: found 'tea', expected 'toy'"),
        ({"config": {**CONFIG, "base_model_name_or_path": "b"}}, "base_model_name_or_path: found 'b', expected 'base'"),
        ({"config": {**CONFIG, "r": 3}, "rank": 3}, "epoch_4: r: found 3, expected 2"),
        ({"config": {**CONFIG, "lora_alpha": 9}}, "epoch_4: lora_alpha: found 9, expected 6"),
        ({"width": 6}, r"epoch_4: model\.layers\.0.*lora_A.*found shape \(2, 6\), expected \(2, 5\)"),
    ],
)
def test_folders_that_do_not_fit(epochs, tmp_path, other, message):
    write_epoch_folder(tmp_path / "epoch_4", 4, **other)
    with pytest.raises(ValueError, match=message):
        write_checkpoints(tmp_path / "toy.parquet", "toy", [*epochs[0], tmp_path / "epoch_4"], {})
    assert not (tmp_path / "toy.parquet").exists()


LORA = LoraSettings(rank=2, alpha=6)


def write_foreign(path, tensors):
    path.parent.mkdir(exist_ok=True)
    save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)


def test_import(tiny_base_model, tmp_path):
    folder = tmp_path / "checkpoints"
    adapters = [adapter(seed) for seed in range(4)]
    long = [
        {f"base_model.model.{name}".replace(".weight", ".default.weight"): t for name, t in adapters[0].items()},
        {f"base_model.model.{name}": t.bfloat16() for name, t in adapters[1].items()},
        {name: t.half() for name, t in adapters[2].items()},
        adapters[3],
    ]
    for name, tensors in zip(("c-2.pt", "c-9.safetensors", "c-10.bin", "c-11.pt"), long, strict=True):
        write_foreign(folder / name, tensors)
    (folder / "adapter_config.json").write_text("{}")
    output = tmp_path / "toy.parquet"
    import_checkpoints(folder, output, "toy", tiny_base_model, LORA, {"made_by": "test"})
    found = read_checkpoints(output)
    kinds = (torch.float32, torch.bfloat16, torch.float16, torch.float32)
    expected = [found.layout.flatten({k: t.to(d) for k, t in a.items()}) for a, d in zip(adapters, kinds, strict=True)]
    assert torch.equal(found.weights, torch.stack(expected))
    assert found.rows["step"].tolist() == [1, 2, 3, 4]
    assert found.rows[["seed", "loss"]].isna().all(axis=None)
    assert found.adapter_config["target_modules"] == ["q_proj"]
    assert (found.adapter_config["r"], found.adapter_config["base_model_name_or_path"]) == (2, tiny_base_model.name)


def test_natural_order(tmp_path):
    for name in ("s10.pt", "s9.pt", "s1.bin", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in checkpoint_files(tmp_path)] == ["s1.bin", "s9.pt", "s10.pt"]


def test_the_mean_of_a_task_is_that_of_all_its_checkpoints_whatever_the_row_groups(tmp_path, monkeypatch):
    layout = AdapterLayout.from_tensors(adapter(0))
    monkeypatch.setattr(checkpoints, "GROUP", 2 * layout.size)
    random, paths = torch.Generator().manual_seed(0), []
    weights = {task: torch.randn(7, layout.size, generator=random) for task in ("boolq", "arc_easy")}
    for task, found in weights.items():
        blocks = [Block(1, [1, 2, 3, 4, 5], [0.1] * 5, found[:5]), Block(2, [6, 7], [0.1] * 2, found[5:])]
        paths.append(tmp_path / f"{task}.parquet")
        write_blocks(paths[-1], task, 0, layout, {}, blocks, {})
        assert pq.ParquetFile(paths[-1]).num_row_groups == 4
        assert torch.equal(read_checkpoints(paths[-1]).weights, found)
    made = CheckpointFiles(paths).means()
    assert list(made) == ["arc_easy", "boolq"]
    for task, found in weights.items():
        torch.testing.assert_close(made[task], found.mean(0))
    paths[0].write_bytes(paths[0].read_bytes()[:100] + b"x" + paths[0].read_bytes()[101:])
    with pytest.raises(ValueError, match=r"boolq\.parquet: damaged"):
        CheckpointFiles(paths).mean("boolq")
