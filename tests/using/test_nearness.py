"""How near prompts are to the training tasks, and how much of each task's adapter is in what they make."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from p2w.prompts.states import PromptStates
from p2w.using.generator_folder import TrainingTasks
from p2w.using.mixtures import mixture
from p2w.using.nearness import least_usual, scatter_of, similarities


def test_shares_are_those_of_the_mixture_and_a_generator_that_does_not_mix_has_none():
    tasks = TrainingTasks(("a", "b", "c"), None, None, None, None)
    adapters = torch.tensor([[6.0, 7, 1], [4, 7, 2], [5, 1, 3]])
    generator = SimpleNamespace(weights_mean=adapters.mean(0), residuals=adapters - adapters.mean(0))
    flat = torch.tensor([1.5, -0.75, 0.25]) @ adapters
    assert mixture(generator, tasks, flat) == pytest.approx({"a": 1.5, "c": 0.25, "b": -0.75})
    assert mixture(SimpleNamespace(adapters=adapters), tasks, flat) == pytest.approx({"a": 1.5, "c": 0.25, "b": -0.75})
    assert mixture(SimpleNamespace(), tasks, flat) is None


def test_the_usual_nearness_is_that_of_the_loneliest_task():
    means, scatter = torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 4.0]]), torch.tensor([2.0, 3.0, 4.0])
    tasks = TrainingTasks(("a", "b", "c"), means, scatter, torch.zeros(1), None)
    assert least_usual(tasks, 10**9) == pytest.approx(0.6)
    assert least_usual(tasks, 1) == pytest.approx(0.6 / 2)
    assert similarities(tasks, torch.tensor([0.0, 5.0])) == pytest.approx({"c": 0.8, "a": 0.0, "b": 0.0})


def test_a_few_prompts_of_a_task_are_as_near_as_their_number_lets_expect():
    """Prompts about a mean of square 4 with variance 1 in each of 5 dimensions: scatter 5 / 4."""
    random = np.random.default_rng(0)
    states = [(np.array([2, 0, 0, 0, 0]) + random.normal(size=5))[None].astype(np.float16) for _ in range(5000)]
    found = scatter_of(PromptStates.from_states(states, 3))
    assert found == pytest.approx(5 / 4, rel=0.05)
