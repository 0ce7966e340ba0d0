"""The commands of the fine-tuning stages, one after the other, as the workflow calls them."""

import json

import pytest
import torch

from p2w.adapters.checkpoints import read_checkpoints
from p2w.adapters.peft_folder import read_adapter
from p2w.data.samples import write_samples
from tests.support.bad_world import script
from tests.support.right_commands import ROOT

LORA = '{"rank": 3, "alpha": 7, "target_modules": ["q_proj", "v_proj"]}'


@pytest.fixture
def command(monkeypatch):
    """Runs workflow/scripts/{name}.py with arguments, from the project folder."""
    monkeypatch.chdir(ROOT)
    return lambda name, *arguments: script(name).main([str(argument) for argument in arguments])


def test_epochs_become_a_table(command, tiny_base_model, tiny_samples, tmp_path):
    samples, base = tmp_path / "train.parquet", json.dumps(tiny_base_model.to_json())
    write_samples(samples, tiny_samples, {})
    settings = '{"max_samples": 12, "batch_size": 4, "learning_rate": 0.01, "snapshots": 3}'
    epochs = [tmp_path / "adapters" / f"epoch_{k}" for k in (1, 2)]
    previous = []
    for number, folder in enumerate(epochs, 1):
        command(
            "finetune", "--base-model", base, "--lora", LORA, "--finetune", settings, "--seed", 3, "--task", "toy",
            "--samples", samples, "--epoch", number, "--previous", *previous,
            "--output", folder / "adapter_model.safetensors",
        )  # fmt: skip
        previous = sorted(folder.iterdir())
    snapshots = [folder / "snapshots.safetensors" for folder in epochs]
    table = tmp_path / "toy.parquet"
    command("checkpoints", "--task", "toy", "--epochs", *snapshots, "--first-epoch", 2, "--output", table)
    found = read_checkpoints(table)
    tensors, adapter_config = read_adapter(epochs[1])
    assert found.rows["step"].tolist() == [4, 5, 6]
    assert torch.equal(found.weights[-1], found.layout.flatten(tensors))
    assert found.adapter_config == adapter_config
    assert list(found.provenance["inputs"]) == [path.as_posix() for path in snapshots]
    provenance = json.loads((epochs[1] / "run.json").read_text())["provenance"]
    assert (provenance["seed"], provenance["config"]["epoch"], len(provenance["inputs"])) == (3, 2, 12)
    assert {path.as_posix() for path in (samples, *tiny_base_model.files, *epochs[0].iterdir())} == set(
        provenance["inputs"]
    )


def test_import_command(command, tiny_base_model, tmp_path):
    module = "base_model.model.model.layers.0.self_attn.{}_proj.lora_{}.weight"
    tensors = {module.format(name, "A"): torch.ones(3, 48) for name in "qv"}
    tensors |= {module.format("q", "B"): torch.ones(48, 3), module.format("v", "B"): torch.ones(24, 3)}
    torch.save(tensors, tmp_path / "0001.pt")
    table = tmp_path / "toy.parquet"
    command(
        "import_checkpoints", "--task", "toy", "--folder", tmp_path, "--lora", LORA,
        "--base-model", json.dumps(tiny_base_model.to_json()), "--output", table,
    )  # fmt: skip
    found = read_checkpoints(table)
    assert torch.equal(found.weights, torch.ones(1, found.layout.size))
    assert list(found.provenance["inputs"]) == [(tmp_path / "0001.pt").as_posix()]
