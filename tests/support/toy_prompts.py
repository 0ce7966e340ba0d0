"""Prompts and checkpoints of a few made-up tasks, and plain ways to say what generators read of them."""

import numpy as np
import torch

from p2w.adapters.layout import AdapterLayout
from p2w.generators.centroids import centroids_of
from p2w.prompts.states import PromptStates
from tests.support.official import random_lora

LAYOUT = AdapterLayout.from_tensors(random_lora(0, 1, {"q": (14, 14), "v": (14, 7)}, 2))
DIM, LENGTH = 11, 7


def world(tasks=5, prompts=13, seed=0):
    """Prompts of different lengths, shorter than `positions` too, and three checkpoints of each task."""
    rng = np.random.default_rng(seed)
    states, weights = {}, {}
    for number in range(tasks):
        lengths = rng.integers(1, LENGTH + 1, prompts)
        states[f"task_{number}"] = [rng.normal(number, 1, (n, DIM)).astype(np.float16) for n in lengths]
        weights[f"task_{number}"] = torch.tensor(rng.normal(number**2, 1, (3, LAYOUT.size)), dtype=torch.float32)
    return states, weights


def means(weights):
    """The mean adapter (size,) of each task."""
    return {task: found.mean(0) for task, found in weights.items()}


def encoded(states):
    """Prompts of each task as a generator is given them."""
    return {task: PromptStates.from_states(found, LENGTH) for task, found in states.items()}


def centroids(states, weights):
    """The centroid of each task."""
    return centroids_of(encoded(states), means(weights))


def plain_features(states, positions):
    """Mean over the prompts that are long enough of the state so far from the end, position after position."""
    if not positions:
        return np.mean([state.astype(np.float64).mean(0) for state in states], 0)
    last = [[state[-k].astype(np.float64) for state in states if len(state) >= k] for k in range(1, positions + 1)]
    return np.concatenate([np.mean(found, 0) if found else np.zeros(DIM) for found in last])


def condition(states):
    """All prompts of a list as one condition (N, L, C)."""
    return PromptStates.from_states(states, LENGTH).gather(torch.arange(len(states)))
