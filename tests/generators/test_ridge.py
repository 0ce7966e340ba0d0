"""Ridge regression from prompts to adapters: what a plain solver finds, in closed form, and what it does with it."""

import numpy as np
import pytest
import torch

from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.closed_forms import fit_closed
from tests.support.toy_prompts import LAYOUT, LENGTH, centroids, condition, plain_features, world

CONFIG = GeneratorConfig(kind="ridge", positions=3, penalty=0.5, gain=1.5)


def fit(config=CONFIG, **changes):
    states, weights = world(**changes)
    return fit_closed(config, LAYOUT, centroids(states, weights), 4, {}), states, weights


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "rigde"}, "kind: found 'rigde', expected one of 'hyperconv', 'ridge', 'retrieval', 'basis'"),
        ({"penalty": 1.0}, "penalty: found one beside kind hyperconv, expected kind ridge or basis"),
        ({"positions": 3}, "positions: found one beside kind hyperconv, expected kind ridge or retrieval or basis"),
        ({"kind": "ridge", "penalty": 0}, "penalty: found 0, expected a number above 0"),
        ({"kind": "ridge", "positions": -1}, "positions: found -1, expected an integer of at least 0"),
        ({"kind": "ridge", "step": 3}, "unknown key 'step'; known keys: kind, positions, penalty, gain, temperature"),
    ],
)
def test_bad_settings(content, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        parse(GeneratorConfig, content)
