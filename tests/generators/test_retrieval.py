"""Retrieval: the training adapters mixed by how like the prompts are, from the nearest task's to the average of all."""

import numpy as np
import pytest
import torch

from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.closed_forms import fit_closed
from tests.support.toy_prompts import LAYOUT, LENGTH, centroids, condition, means, plain_features, world

CONFIG = GeneratorConfig(kind="retrieval", positions=3, temperature=0.3)


def fit(**changes):
    states, weights = world()
    config = CONFIG.model_copy(update=changes)
    return fit_closed(config, LAYOUT, centroids(states, weights), 4, {}), states, weights


def stacked(weights):
    return torch.stack([*means(weights).values()])


@pytest.mark.parametrize("positions", [0, 1, 3, LENGTH])
def test_it_is_the_mixture_by_the_softmax_of_the_cosines(positions):
    retrieval, states, weights = fit(positions=positions)
    X = np.stack([plain_features(states[task], positions) for task in states])
    asked = world(tasks=1, prompts=4, seed=9)[0]["task_0"]
    x, X = plain_features(asked, positions) - X.mean(0), X - X.mean(0)
    cosines = X @ x / np.linalg.norm(X, axis=1) / np.linalg.norm(x)
    shares = np.exp(cosines / 0.3) / np.exp(cosines / 0.3).sum()
    assert retrieval.shares(condition(asked)).numpy() == pytest.approx(shares, abs=1e-4)
    expected = shares @ stacked(weights).numpy()
    assert retrieval.weights(condition(asked)).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_at_a_low_temperature_a_tasks_own_prompts_give_its_own_adapter():
    retrieval, states, weights = fit(temperature=1e-3)
    for task, found in states.items():
        torch.testing.assert_close(retrieval.weights(condition(found)), weights[task].mean(0))


def test_at_a_high_temperature_everybody_gets_the_average_and_so_do_no_prompts():
    retrieval, states, weights = fit(temperature=1e6)
    torch.testing.assert_close(retrieval.weights(condition(states["task_3"])), stacked(weights).mean(0))
    torch.testing.assert_close(fit()[0].weights_of_no_prompt([]), stacked(weights).mean(0))


def test_the_order_of_prompts_does_not_matter_and_their_words_do():
    retrieval, states, _ = fit()
    found = states["task_2"]
    same, other = (retrieval.weights(condition(list(each))) for each in (found[::-1], [one[::-1] for one in found]))
    torch.testing.assert_close(same, retrieval.weights(condition(found)))
    assert not torch.allclose(other, same)


def test_a_condition_at_the_mean_of_the_tasks_says_nothing():
    """A direction of no length is like no task, not NaN."""
    retrieval, _, weights = fit(positions=1)
    nothing = retrieval.features.view(1, 1, -1)
    torch.testing.assert_close(retrieval.weights(nothing), stacked(weights).mean(0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "retrieval", "temperature": 0}, "temperature: found 0, expected a number above 0"),
        ({"kind": "ridge", "temperature": 0.1}, "temperature: found one beside kind ridge, expected kind retrieval"),
        ({"kind": "retrieval", "gain": 2}, "gain: found one beside kind retrieval, expected kind ridge"),
    ],
)
def test_bad_settings(content, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        parse(GeneratorConfig, content)
