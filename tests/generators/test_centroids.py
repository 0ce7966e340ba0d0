"""A task's centroid: what a generator in closed form would read of its checkpoints and prompts, in one small file."""

import subprocess
import sys

import pytest
import torch

from p2w.adapters.checkpoints import read_checkpoints
from p2w.generators.centroids import Centroid, centroids_of, read_centroids, training_rows, write_centroid
from p2w.generators.features import task_features
from p2w.prompts.states import read_embeddings
from p2w.runtime.tensor_files import read_tensors, write_tensors
from tests.support.held_out_world import ENCODER, write_centroids
from tests.support.toy_prompts import LENGTH, centroids, encoded, means, world

TASKS = ("boolq", "piqa")


@pytest.mark.parametrize("positions", [0, 1, 3, LENGTH, LENGTH + 2])
def test_it_has_the_features_of_all_prompts_whatever_is_read_of_them(positions):
    states, weights = world()
    for task, prompts in encoded(states).items():
        found = Centroid.of(prompts, means(weights)[task])
        assert found.features(positions).equal(task_features(prompts, positions))
    features, adapters = training_rows(centroids(states, weights), positions)
    assert features[2].equal(task_features(encoded(states)["task_2"], positions))
    assert adapters[2].equal(weights["task_2"].mean(0))


def test_prompts_and_adapters_of_different_tasks():
    states, weights = world(tasks=2)
    with pytest.raises(
        ValueError, match=r"prompts of \['task_0', 'task_1'\], checkpoints of \['task_1'\], expected both"
    ):
        centroids_of(encoded(states), {"task_1": means(weights)["task_1"]})


def test_a_file_has_what_its_task_is_and_was_made_from(held_out_world, tmp_path):
    tasks, layout, adapter_config, encoder = read_centroids(["held"], write_centroids(held_out_world, tmp_path, TASKS))
    assert (sorted(tasks), encoder, adapter_config["r"]) == (["boolq", "piqa"], ENCODER, 2)
    checkpoints = read_checkpoints(held_out_world / "piqa.parquet")
    assert layout == checkpoints.layout
    torch.testing.assert_close(tasks["piqa"].weights, checkpoints.weights.mean(0))
    prompts = read_embeddings(held_out_world / "piqa.embeddings.parquet")
    torch.testing.assert_close(tasks["piqa"].features(2), task_features(prompts, 2))
    record = read_tensors(tmp_path / "piqa.centroid.safetensors")[1]["provenance"]
    assert sorted(record["inputs"]) == [
        str(held_out_world / f"piqa{end}") for end in (".embeddings.parquet", ".parquet")
    ]


def test_the_same_files_make_the_same_bytes(held_out_world, tmp_path):
    first, second = (write_centroids(held_out_world, tmp_path / name, ["piqa"])[0] for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_no_task_is_held_out_or_there_twice(held_out_world, tmp_path):
    paths = write_centroids(held_out_world, tmp_path, TASKS)
    with pytest.raises(ValueError, match="found centroids of the held-out task 'piqa', expected training tasks only"):
        read_centroids(["held", "piqa"], paths)
    paths.append(tmp_path / "copy.safetensors")
    paths[-1].write_bytes(paths[0].read_bytes())
    with pytest.raises(ValueError, match=r"copy\.safetensors: found task 'boolq' a second time, expected each once"):
        read_centroids([], paths)


def changed(path, **changes):
    """The file with something else in its metadata."""
    tensors, header = read_tensors(path)
    write_tensors(path, tensors, {**header, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": {**ENCODER, "max_length": 9}}, r"piqa.centroid.safetensors: encoder: found .* as in .*boolq"),
        ({"adapter_config": {"r": 16}}, "piqa.centroid.safetensors: .*: found None, expected"),
        ({"layout": {"names": []}}, "layout"),
    ],
)
def test_files_that_do_not_belong_together(held_out_world, tmp_path, changes, message):
    paths = write_centroids(held_out_world, tmp_path, TASKS)
    changed(paths[1], **changes)
    with pytest.raises(ValueError, match=message):
        read_centroids([], paths)


def test_prompts_of_another_task_make_no_centroid(held_out_world, tmp_path):
    with pytest.raises(
        ValueError, match=r"found prompts of \['piqa'\], checkpoints of \['boolq'\], expected both of the"
    ):
        write_centroid(
            held_out_world / "boolq.parquet", held_out_world / "piqa.embeddings.parquet", tmp_path / "a.safetensors"
        )
    assert not [*tmp_path.iterdir()]


def test_the_command_makes_those_of_several_tasks(held_out_world, tmp_path):
    command = [sys.executable, "workflow/scripts/centroid.py"]
    command += ["--checkpoints", *(str(held_out_world / f"{task}.parquet") for task in TASKS)]
    command += ["--embeddings", *(str(held_out_world / f"{task}.embeddings.parquet") for task in TASKS)]
    command += ["--output", *(str(tmp_path / f"{task}.safetensors") for task in TASKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = write_centroids(held_out_world, tmp_path / "again", TASKS)
    assert [path.read_bytes() for path in again] == [(tmp_path / f"{t}.safetensors").read_bytes() for t in TASKS]
