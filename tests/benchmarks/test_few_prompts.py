"""How many prompts a generator needs, on four training tasks and a held-out one."""

import json
from statistics import fmean

import pytest

from p2w.config.generator import GeneratorConfig
from p2w.generators.generation import draw_condition
from p2w.prompts.states import read_embeddings
from tests.support.experiment_world import HELD_OUT, TRAINING, script


@pytest.fixture
def module(results, monkeypatch):
    """The script, whose experiment has ridge, and a decoder made beside it."""
    found = script("few_prompts")
    monkeypatch.setattr(found, "find_results", lambda _: results)
    ridge = GeneratorConfig(kind="ridge", positions=2)
    place = results.own / f"generators/ridge/{HELD_OUT}/generator.safetensors"
    place.parent.mkdir(parents=True)
    results.fit(ridge, TRAINING, [HELD_OUT], place)
    return found


def test_accuracy_by_the_number_of_prompts(module, results, monkeypatch, capsys, tmp_path):
    asked, scored = [], []

    def accuracy_of(task, rows, made, like):
        scored.append((task, len(rows), like.adapter_config, dict(made)))
        return {name: number / 10 for number, name in enumerate(made)}

    monkeypatch.setattr(type(results), "accuracy_of", lambda _, *args: accuracy_of(*args))
    monkeypatch.setattr(module, "draw_condition", lambda *args: asked.append(args[1:4]) or draw_condition(*args))
    figure = tmp_path / "few.png"
    options = ["pocket", "--kinds", "ridge", "--counts", "1", "3", "--draws", "2", "--by-task", "--figure", str(figure)]
    module.main(options)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert asked == [(1, 0, 0), (1, 0, 1), (3, 0, 0), (3, 0, 1)]
    ((task, rows, _, flat),) = scored
    assert (task, rows, list(flat)) == (HELD_OUT, 5, ["ridge/1/0", "ridge/1/1", "ridge/3/0", "ridge/3/1"])
    assert found["accuracy"] == {"ridge": {"1": fmean([0.0, 0.1]), "3": fmean([0.2, 0.3])}}
    assert found["by_task"] == {"ridge": {"1": {HELD_OUT: 0.05}, "3": {HELD_OUT: 0.25}}}
    assert figure.read_bytes().startswith(b"\x89PNG")
    prompts = read_embeddings(results.embedding_path(HELD_OUT))
    generator = module.generator_of(results, "ridge", HELD_OUT)
    assert flat["ridge/3/1"].equal(generator.weights(draw_condition(prompts, 3, 0, 1, "cpu")))


def test_a_decoder_reads_one_number_of_prompts(module, results):
    place = results.own / f"generators/hyperconv/{HELD_OUT}/generator.safetensors"
    script("growth").Subset(results, TRAINING, 0).learn("hyperconv", place)
    with pytest.raises(ValueError, match=r"hyperconv/fv_synonym/.*: found a decoder of 3 prompts, expected one that"):
        module.generator_of(results, "hyperconv", HELD_OUT)
