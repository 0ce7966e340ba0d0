"""Controls: the average is the average, the nearest task is the nearest."""

import numpy as np
import pytest
import torch

from p2w.adapters.peft_folder import read_adapter, write_adapter
from p2w.base.base_model import load_model
from p2w.config.lora import LoraSettings
from p2w.controls.from_adapters import write_control
from p2w.finetuning.training import add_adapter, trainable
from p2w.prompts.states import write_embeddings
from p2w.runtime.files import read_json

ENCODER = {"max_length": 7, "sha256": "0" * 64, "package": "nowhere"}
DIRECTIONS = {"boolq": [1.0, 0.1, 0], "piqa": [0.1, 1.0, 0], "target": [0.3, 0.9, 0.1]}


@pytest.fixture
def world(tiny_base_model, tmp_path):
    """Two adapters filled with 1 and 4, and prompts that point in known directions."""
    model, config = add_adapter(load_model(tiny_base_model), LoraSettings(rank=2, alpha=4), tiny_base_model)
    shapes = {name: parameter.shape for name, parameter in trainable(model).items()}
    adapters = {}
    for task, number in {"boolq": 1.0, "piqa": 4.0}.items():
        adapters[task] = tmp_path / task
        write_adapter(adapters[task], {name: torch.full(shape, number) for name, shape in shapes.items()}, config)
    embeddings = {}
    for task, direction in DIRECTIONS.items():
        embeddings[task] = tmp_path / f"{task}.parquet"
        states = [np.array([direction] * 2, np.float16)]
        write_embeddings(embeddings[task], ["x"], ["text"], states, {"encoder": ENCODER})
    return adapters, embeddings, embeddings.pop("target"), tmp_path / "control"


def test_weight_average(world):
    write_control("weight_average", *world)
    tensors, config = read_adapter(world[-1])
    assert {float(value) for tensor in tensors.values() for value in tensor.unique()} == {2.5}
    assert config["r"] == 2
    assert read_json(world[-1] / "run.json")["choice"] == {"tasks": ["boolq", "piqa"]}


def test_nearest_prompts(world):
    write_control("nearest_prompts", *world)
    tensors, _ = read_adapter(world[-1])
    assert {float(value) for tensor in tensors.values() for value in tensor.unique()} == {4.0}
    choice = read_json(world[-1] / "run.json")["choice"]
    assert choice["task"] == "piqa"
    assert choice["similarities"]["piqa"] > choice["similarities"]["boolq"]
