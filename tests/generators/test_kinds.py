"""Kinds of generators: one entry each, and what holds for all in closed form, from files to an adapter on disk."""

import json
import subprocess
import sys

import pytest
import torch

from p2w.adapters.peft_folder import read_adapter
from p2w.config.generator import KINDS as SETTINGS
from p2w.config.generator import GeneratorConfig
from p2w.generators.closed_forms import CLOSED_FORMS, fit_closed
from p2w.generators.contract import finite
from p2w.generators.fitted_file import save_fitted
from p2w.generators.fitting import fit_without
from p2w.generators.generating import generate_adapters
from p2w.generators.generator_file import load_generator
from p2w.generators.kinds import KINDS
from p2w.generators.learners import LEARNERS
from p2w.runtime.files import read_json, sha256
from p2w.runtime.tensor_files import read_tensors, write_tensors
from tests.support.held_out_world import write_centroids
from tests.support.toy_prompts import LAYOUT, centroids, condition, world

CLOSED = list(CLOSED_FORMS)


def test_what_can_be_configured_can_be_made():
    learned = {name for name, settings in SETTINGS.items() if settings.learned}
    assert learned == set(LEARNERS)
    assert set(KINDS) == set(SETTINGS) - {"basis", "learned_decoder"}  # which end as files of other kinds
    assert CLOSED == [name for name, settings in SETTINGS.items() if not settings.seeded] == ["ridge", "retrieval"]
    keys = {key for settings in SETTINGS.values() for key in settings.keys}
    assert keys == set(GeneratorConfig.model_fields) - {"kind"}


@pytest.mark.parametrize("kind", CLOSED)
def test_a_saved_one_is_all_that_generation_needs(tmp_path, kind):
    states, weights = world()
    made = fit_closed(GeneratorConfig(kind=kind), LAYOUT, centroids(states, weights), 4, {})
    save_fitted(tmp_path / "a.safetensors", made)
    loaded = load_generator(tmp_path / "a.safetensors")
    assert (loaded.num_prompts, loaded.layout, loaded.device.type) == (4, LAYOUT, "cpu")
    asked = condition(states["task_1"])
    assert torch.equal(loaded.weights(asked), made.weights(asked))
    save_fitted(tmp_path / "b.safetensors", loaded)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("kind", CLOSED)
def test_bad_training_tasks(kind):
    states, weights = world(tasks=3)
    found = centroids(states, weights)
    with pytest.raises(ValueError, match=r"found the training tasks \['task_0'\], expected two or more"):
        fit_closed(GeneratorConfig(kind=kind), LAYOUT, {"task_0": found["task_0"]}, 4, {})


def test_weights_that_are_not_finite():
    with pytest.raises(FloatingPointError, match="generated weights: found 1 values that are not finite"):
        finite(torch.tensor([1.0, torch.nan]))


def fitted(held_out_world, kind, output):
    centroids = write_centroids(held_out_world, output.parent, ("boolq", "piqa"))
    fit_without(["held"], GeneratorConfig(kind=kind), 3, centroids, output)
    return output


@pytest.mark.parametrize("kind", CLOSED)
def test_a_fitted_generator_makes_adapters_of_prompts_on_disk(held_out_world, kind, tmp_path):
    generator = fitted(held_out_world, kind, tmp_path / "generator.safetensors")
    record = read_json(tmp_path / "run.json")
    assert (record["training_tasks"], record["held_out"]) == (["boolq", "piqa"], ["held"])
    config = record["provenance"]["config"]
    assert set(config) == {"kind", "held_out", "num_prompts", *SETTINGS[kind].keys}
    assert config["kind"] == kind
    held = held_out_world / "held.embeddings.parquet"
    for name, draw in (("a", 0), ("again", 0), ("b", 1)):
        generate_adapters(generator, held, 0, {draw: tmp_path / name / "adapter_model.safetensors"})
    hashes = [sha256(tmp_path / name / "adapter_model.safetensors") for name in ("a", "again", "b")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert read_adapter(tmp_path / "a")[1]["r"] == 2
    with pytest.raises(ValueError, match="task: found 'boolq', expected 'held'"):
        generate_adapters(generator, held_out_world / "boolq.embeddings.parquet", 0, {0: tmp_path / "c/x.safetensors"})


@pytest.mark.long
def test_the_command_of_the_workflow(held_out_world, tmp_path):
    centroids = list(map(str, write_centroids(held_out_world, tmp_path, ("boolq", "piqa"))))
    command = [sys.executable, "workflow/scripts/generator.py", "--generator", json.dumps({"kind": "ridge"})]
    command += ["--num-prompts", "3", "--held-out", "held", "--output", str(tmp_path / "generator.safetensors")]
    command += ["--centroids", *centroids]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = fitted(held_out_world, "ridge", tmp_path / "again/generator.safetensors")
    assert load_generator(again).residuals.equal(load_generator(tmp_path / "generator.safetensors").residuals)


def test_what_trains_for_long_is_not_fitted(held_out_world, tmp_path):
    with pytest.raises(ValueError, match="kind: found hyperconv, expected one in closed form: ridge or retrieval"):
        fitted(held_out_world, "hyperconv", tmp_path / "generator.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "oracle"}, r"not a generator that this version can load \(kind 'oracle'\)"),
        ({"kind": "retrieval"}, "not a generator that this version can load .*'directions'"),
        ({"layout": {}}, "not a generator that this version can load .*layout: found keys"),
        ({"positions": None}, "not a generator that this version can load .*'positions'"),
    ],
)
def test_a_file_of_another_kind(tmp_path, change, message):
    path, (states, weights) = tmp_path / "a.safetensors", world()
    save_fitted(path, fit_closed(GeneratorConfig(kind="ridge"), LAYOUT, centroids(states, weights), 4, {}))
    tensors, header = read_tensors(path)
    header = {key: value for key, value in {**header, **change}.items() if value is not None}
    write_tensors(path, tensors, header)
    with pytest.raises(ValueError, match=message):
        load_generator(path)
