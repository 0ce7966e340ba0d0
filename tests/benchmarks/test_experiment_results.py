"""The scripts that read what an experiment has made, on four training tasks and a held-out one."""

import argparse
import json
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from p2w.config.generator import GeneratorConfig
from tests.support.experiment_world import HELD_OUT, TRAINING, script

ARGUMENTS = argparse.Namespace(per="layer", passes=2, rows=3, samples=9, seed=0)


def test_tasks_that_are_held_out_are_no_training_tasks(results):
    assert (results.training, results.held_out) == (TRAINING, [HELD_OUT])


def test_settings_of_ridge_are_scored_on_each_training_task(results, monkeypatch, capsys):
    module = script("generator_settings")
    monkeypatch.setattr(module, "find_results", lambda _: results)
    module.main(["ridge", "pocket", "--rows", "4", "--positions", "0", "2", "--penalty", "1", "--gain", "1", "2.5"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = {f"positions {positions}, penalty 1, gain {gain}" for positions in (0, 2) for gain in (1, 2.5)}
    assert set(found.pop("accuracy")) == {*names, "base"}
    assert found == {"tasks": len(TRAINING), "rows": 4}


def test_settings_of_basis_are_scored_on_what_is_left_out(results, monkeypatch, capsys):
    module = script("learned_settings")
    monkeypatch.setattr(module, "find_results", lambda _: results)
    settings = '{"kind": "basis", "positions": 2, "steps": 1, "tasks_per_step": 2, "max_samples": 5}'
    options = ["pocket", "--generator", settings, "--rows", "3", "--draws", "1"]
    module.main([*options, "--left-out", "fv_antonym"])
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])["accuracy"]) == {"fv_antonym"}
    with pytest.raises(SystemExit):
        module.main([*options, "--left-out", HELD_OUT])
    assert f"--left-out: found {HELD_OUT}, which the experiment holds out" in capsys.readouterr().err


def test_the_limit_of_mixtures_is_scored_on_the_held_out_task(results):
    found = script("mixture_limit").limits(results, ARGUMENTS)
    assert set(found) == {HELD_OUT}
    assert set(found[HELD_OUT]) == {"base", "equal", "nearest in weights", "fitted", "own"}


def test_shares_that_are_nearest_in_weights_are_those_that_a_mixture_was_made_of(results):
    module, known = script("mixture_limit"), results.checkpoints(TRAINING)
    weights = torch.stack([known[task].mean(0) for task in TRAINING])
    for per, count in (("adapter", 1), ("layer", 2), ("tensor", len(known.layout.names))):
        mixtures = module.Mixtures(weights, known.layout, per, 2)
        assert mixtures.shares.shape == (2, count, 4)
        torch.testing.assert_close(mixtures(torch.tensor([1])), weights.mean(0, keepdim=True))
        wanted = torch.randn(mixtures.shares.shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            mixtures.shares.copy_(wanted)
        targets = mixtures(torch.arange(2)).detach()
        mixtures.approach(targets, known.layout)
        torch.testing.assert_close(mixtures.shares.detach(), wanted, rtol=1e-3, atol=1e-3)


def test_fitting_lowers_the_loss(results):
    module, known = script("mixture_limit"), results.checkpoints(TRAINING)
    weights = torch.stack([known[task].mean(0) for task in TRAINING])
    mixtures = module.Mixtures(weights, known.layout, "layer", 1)

    def loss(flat, rows):
        assert [len(chosen) for chosen in rows.values()] == [3]
        return (flat - weights[:1]).square().mean()

    before = loss(mixtures(torch.tensor([0])), {HELD_OUT: [0, 1, 2]}).item()
    arguments = argparse.Namespace(**{**vars(ARGUMENTS), "passes": 40})
    module.fit(mixtures, [HELD_OUT], loss, {HELD_OUT: 9}, arguments)
    assert loss(mixtures(torch.tensor([0])), {HELD_OUT: [0, 1, 2]}).item() < before / 10


def test_a_small_generator_is_scored_beside_the_whole_one(results, monkeypatch, capsys):
    module, tasks = script("compact_settings"), [*TRAINING, HELD_OUT]
    monkeypatch.setattr(module, "find_results", lambda _: results)
    config = GeneratorConfig(kind="ridge", positions=2)
    path = results.own / "generator/generator.safetensors"
    results.fit(config, tasks, (), path)
    module.main(["pocket", "--directions", "2", "4", "--precision", "float8", "--rows", "3", "--tasks", "boolq"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    small = ["2 float8", "4 float8"]
    assert list(found["accuracy"]) == ["boolq"]
    assert set(found["mean"]) == {"base", "own adapter", "mean adapter", "whole", *small}
    assert found["bytes"]["2 float8"] < found["bytes"]["4 float8"] < found["bytes"]["whole"] / 2


def test_nearness_is_held_against_gains(results, monkeypatch, capsys):
    module = script("expectation")
    monkeypatch.setattr(module, "find_results", lambda _: results)
    module.main(["pocket", "--rows", "3"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["tasks"] == [len(TRAINING), 1]
    assert found["chosen"] in found["training"]["error"]
    assert set(found["held out"]["expected and found"]) == {HELD_OUT}


def test_the_measure_that_says_the_gain_is_chosen_and_its_line_is_right():
    generator = torch.Generator().manual_seed(0)
    near, noise = torch.rand(2, 13, generator=generator)
    table = pd.DataFrame({"noise": noise, "near": near, "gain": 0.7 * near - 0.2})
    found = script("expectation").expectation(table[:9], table[9:])
    assert found["chosen"] == "near"
    assert found["training"]["rank correlation"]["near"] == found["held out"]["rank correlation"] == 1
    assert found["training"]["error"]["near"] == found["held out"]["error"] == 0
    assert found["training"]["error of the mean gain"] > 0.05
    level = script("expectation").expectation(table.assign(near=0.5)[:9], table[9:])
    assert level["training"]["rank correlation"]["near"] is None


def test_nearness_of_a_training_task_is_1_and_of_another_direction_inside_0():
    module, known = script("expectation"), torch.tensor([[1.0, 0, 0, 1], [0, 1.0, 0, 1], [1.0, 1, 0, 1]])
    assert module.nearness(known, known[1]) == pytest.approx(dict.fromkeys(module.nearness(known, known[0]), 1))
    outside = known.mean(0) + torch.tensor([0, 0, 5.0, 0])
    assert module.nearness(known, outside)["inside"] == pytest.approx(0)


def test_closed_forms_are_fitted_without_each_of_seven_tasks(monkeypatch, capsys):
    module, fits = script("closed_forms"), []

    class HerePool:
        def __init__(self, jobs):
            assert jobs == 3

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def map(self, *_, **__):
            pass

        def starmap(self, function, turns, **_):
            for turn in turns:
                function(*turn)
                if function is module.fit:
                    fits.append((*turn[1:], (turn[0].joinpath(*turn[1:]) / "generator.safetensors").is_file()))

    context = SimpleNamespace(Pool=HerePool)
    monkeypatch.setattr(module.multiprocessing, "get_context", lambda _: context)
    monkeypatch.setattr(module.torch, "set_num_threads", lambda _: None)
    module.main(["--layers", "1", "--checkpoints", "3", "--prompts", "5", "--jobs", "3"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert fits == [(kind, task, True) for kind in ("ridge", "retrieval") for task in module.TASKS]
    assert (found["fits"], found["jobs"]) == (14, 3)
    assert found["values"] > 100_000


def test_memory_of_stages_is_that_of_their_largest_job(tmp_path, capsys):
    for name, values in {"toy/benchmarks/evaluate/a.tsv": (900, 7), "toy/benchmarks/evaluate/b.tsv": (1800, 9)}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("s\th:m:s\tmax_rss\n{1}\t0:00:07\t{0}\n".format(*values))
    script("memory").main(["toy", "--results", str(tmp_path)])
    assert "| evaluate | 1.80 | 2 |" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"other/benchmarks: found no \*.tsv, expected those of a run"):
        script("memory").main(["other", "--results", str(tmp_path)])
