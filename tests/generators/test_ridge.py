"""Ridge regression from prompts to adapters: what a plain solver finds, in closed form, and what it does with it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.peft_folder import read_adapter
from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.contract import finite
from p2w.generators.fitting import fit_without
from p2w.generators.generating import generate_adapter
from p2w.generators.generator_file import load_generator
from p2w.generators.ridge import fit_ridge, save_ridge
from p2w.prompts.states import PromptStates
from p2w.runtime.files import read_json, sha256
from p2w.runtime.tensor_files import read_tensors, write_tensors
from tests.support.official import random_lora

LAYOUT = AdapterLayout.from_tensors(random_lora(0, 1, {"q": (14, 14), "v": (14, 7)}, 2))
DIM, LENGTH = 11, 7
CONFIG = GeneratorConfig(kind="ridge", positions=3, penalty=0.5, gain=1.5)


def world(tasks=5, prompts=13, seed=0):
    """Prompts of different lengths, shorter than `positions` too, and three checkpoints of each task."""
    rng = np.random.default_rng(seed)
    states, weights = {}, {}
    for number in range(tasks):
        lengths = rng.integers(1, LENGTH + 1, prompts)
        states[f"task_{number}"] = [rng.normal(number, 1, (n, DIM)).astype(np.float16) for n in lengths]
        weights[f"task_{number}"] = torch.tensor(rng.normal(number**2, 1, (3, LAYOUT.size)), dtype=torch.float32)
    return states, weights


def fit(config=CONFIG, **changes):
    states, weights = world(**changes)
    prompts = {task: PromptStates.from_states(found, LENGTH) for task, found in states.items()}
    return fit_ridge(config, LAYOUT, prompts, weights, 4, {}), states, weights


def plain_features(states, positions):
    """Mean over the prompts that are long enough of the state so far from the end, position after position."""
    if not positions:
        return np.mean([state.astype(np.float64).mean(0) for state in states], 0)
    last = [[state[-k].astype(np.float64) for state in states if len(state) >= k] for k in range(1, positions + 1)]
    return np.concatenate([np.mean(found, 0) if found else np.zeros(DIM) for found in last])


def condition(states):
    return PromptStates.from_states(states, LENGTH).gather(torch.arange(len(states)))


@pytest.mark.parametrize("positions", [0, 1, 3, LENGTH])
def test_it_is_the_regression_that_minimises_the_penalised_error(positions):
    """Against the primal form: the coefficients B that minimise |XB - W|² + penalty · s |B|², both sides centred."""
    ridge, states, weights = fit(CONFIG.model_copy(update={"positions": positions}))
    X = np.stack([plain_features(states[task], positions) for task in states])
    W = np.stack([weights[task].double().mean(0).numpy() for task in states])
    centred, target = X - X.mean(0), W - W.mean(0)
    scale = (centred**2).sum(1).mean()
    B = np.linalg.solve(centred.T @ centred + CONFIG.penalty * scale * np.eye(X.shape[1]), centred.T @ target)
    asked = world(tasks=1, prompts=4, seed=9)[0]["task_0"]
    expected = W.mean(0) + CONFIG.gain * (plain_features(asked, positions) - X.mean(0)) @ B
    assert ridge.weights(condition(asked)).numpy() == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_without_penalty_and_gain_a_tasks_own_prompts_give_its_own_adapter():
    ridge, states, weights = fit(CONFIG.model_copy(update={"penalty": 1e-9, "gain": 1.0}))
    for task, found in states.items():
        assert ridge.weights(condition(found)).numpy() == pytest.approx(weights[task].mean(0).numpy(), abs=2e-2)


def test_much_penalty_gives_everybody_the_mean_and_so_do_no_prompts():
    ridge, states, weights = fit(CONFIG.model_copy(update={"penalty": 1e9}))
    mean = torch.stack([flat.mean(0) for flat in weights.values()]).mean(0)
    torch.testing.assert_close(ridge.weights(condition(states["task_3"])), mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fit()[0].weights_of_no_prompt([]), mean)


def test_the_order_of_prompts_does_not_matter_and_their_words_do():
    ridge, states, _ = fit()
    found = states["task_2"]
    same, other = ridge.weights(condition(found[::-1])), ridge.weights(condition([state[::-1] for state in found]))
    torch.testing.assert_close(same, ridge.weights(condition(found)))
    assert not torch.allclose(other, same)


def test_a_saved_one_is_all_that_generation_needs(tmp_path):
    ridge, states, _ = fit()
    save_ridge(tmp_path / "a.safetensors", ridge)
    loaded = load_generator(tmp_path / "a.safetensors")
    assert (loaded.num_prompts, loaded.layout, loaded.device.type) == (4, LAYOUT, "cpu")
    asked = condition(states["task_1"])
    assert torch.equal(loaded.weights(asked), ridge.weights(asked))
    save_ridge(tmp_path / "b.safetensors", loaded)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "oracle"}, r"not a generator that this version can load \(kind 'oracle'\)"),
        ({"layout": {}}, "not a generator that this version can load .*layout: found keys"),
        ({"positions": None}, None),
    ],
)
def test_a_file_of_another_kind(tmp_path, change, message):
    path = tmp_path / "a.safetensors"
    save_ridge(path, fit()[0])
    tensors, header = read_tensors(path)
    header = {key: value for key, value in {**header, **change}.items() if value is not None}
    write_tensors(path, tensors, header)
    with pytest.raises(ValueError, match=message or "not a generator that this version can load .*'positions'"):
        load_generator(path)


def test_bad_training_tasks():
    states, weights = world(tasks=3)
    prompts = {task: PromptStates.from_states(found, LENGTH) for task, found in states.items()}
    with pytest.raises(ValueError, match=r"ridge: found prompts of \['task_0'\], .*expected both of"):
        fit_ridge(CONFIG, LAYOUT, {"task_0": prompts["task_0"]}, {"task_0": weights["task_0"]}, 4, {})
    with pytest.raises(ValueError, match="expected both of the same two or more"):
        fit_ridge(CONFIG, LAYOUT, prompts, {**weights, "more": weights["task_0"]}, 4, {})
    weights["task_1"][2, 5] = torch.inf
    with pytest.raises(ValueError, match="checkpoints of task_1: weights: found 1 values that are not finite"):
        fit_ridge(CONFIG, LAYOUT, prompts, weights, 4, {})
    with pytest.raises(FloatingPointError, match="generated weights: found 1 values that are not finite"):
        finite(torch.tensor([1.0, torch.nan]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "rigde"}, "kind: found 'rigde', expected one of 'hyperconv', 'ridge', 'basis'"),
        ({"penalty": 1.0}, "penalty: found one beside kind hyperconv, expected kind ridge or basis"),
        ({"kind": "ridge", "penalty": 0}, "penalty: found 0, expected a number above 0"),
        ({"kind": "ridge", "positions": -1}, "positions: found -1, expected an integer of at least 0"),
        ({"kind": "ridge", "step": 3}, "unknown key 'step'; known keys: kind, positions, penalty, gain, loss"),
    ],
)
def test_bad_settings(content, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        parse(GeneratorConfig, content)


def fitted(held_out_world, output):
    files = [
        [held_out_world / f"{task}{end}" for task in ("boolq", "piqa")] for end in (".parquet", ".embeddings.parquet")
    ]
    fit_without(["held"], CONFIG, 3, *files, output)
    return output


def test_a_fitted_generator_makes_adapters_of_prompts_on_disk(held_out_world, tmp_path):
    generator = fitted(held_out_world, tmp_path / "generator.safetensors")
    record = read_json(tmp_path / "run.json")
    assert (record["training_tasks"], record["held_out"]) == (["boolq", "piqa"], ["held"])
    assert record["provenance"]["config"]["kind"] == "ridge"
    held = held_out_world / "held.embeddings.parquet"
    for name, draw in (("a", 0), ("again", 0), ("b", 1)):
        generate_adapter(generator, held, 0, draw, tmp_path / name / "adapter_model.safetensors")
    hashes = [sha256(tmp_path / name / "adapter_model.safetensors") for name in ("a", "again", "b")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert read_adapter(tmp_path / "a")[1]["r"] == 2
    with pytest.raises(ValueError, match="task: found 'boolq', expected 'held'"):
        generate_adapter(generator, held_out_world / "boolq.embeddings.parquet", 0, 0, tmp_path / "c/x.safetensors")


def test_the_command_of_the_workflow(held_out_world, tmp_path):
    command = [sys.executable, "workflow/scripts/generator.py", "--generator", json.dumps(CONFIG.given())]
    command += ["--num-prompts", "3", "--held-out", "held", "--output", str(tmp_path / "generator.safetensors")]
    command += ["--checkpoints", *(str(held_out_world / f"{task}.parquet") for task in ("boolq", "piqa"))]
    command += ["--embeddings", *(str(held_out_world / f"{task}.embeddings.parquet") for task in ("boolq", "piqa"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    again = fitted(held_out_world, tmp_path / "again/generator.safetensors")
    assert load_generator(again).residuals.equal(load_generator(tmp_path / "generator.safetensors").residuals)
