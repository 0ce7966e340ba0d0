"""How much each prompt counts: all alike at first, and those that tell something once that has been learned."""

import numpy as np
import pytest
import torch

from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.adapter_losses import weights_loss
from p2w.generators.adapter_training import AdapterTraining, Losses
from p2w.generators.attention import Attention, attended_features, states_of_tasks
from p2w.generators.features import condition_features
from p2w.generators.fitted_file import save_fitted
from p2w.generators.generator_file import load_generator
from p2w.generators.learners import Given, begin
from p2w.prompts.states import PromptStates
from p2w.runtime.resume import SavedState
from tests.support.toy_prompts import DIM, LAYOUT, LENGTH, condition, encoded, means, plain_features, world

KINDS = ["basis", "hypernetwork"]


@pytest.mark.parametrize("positions", [0, 3, 9])
def test_with_a_query_of_zeros_it_is_the_mean(positions):
    states = world()[0]["task_1"]
    query = torch.zeros(max(1, positions), DIM)
    found = attended_features(condition(states), query, positions).flatten()
    torch.testing.assert_close(found, condition_features(condition(states), positions))
    np.testing.assert_allclose(found, plain_features(states, positions), rtol=1e-3, atol=1e-5)


def test_a_prompt_counts_by_the_softmax_of_its_last_states_times_the_query():
    """Written out, prompt after prompt; where one has no such state, the others share its weight."""
    states = [state.astype(np.float64) for state in world(prompts=5)[0]["task_2"]]
    query = torch.randn(3, DIM, generator=torch.Generator().manual_seed(1)) / 5
    padded = [np.concatenate([state[::-1], np.zeros((3, DIM))])[:3] for state in states]
    weights = np.exp([(own * query.double().numpy()).sum() for own in padded])
    for k, found in enumerate(attended_features(condition(world(prompts=5)[0]["task_2"]), query, 3)):
        there = [i for i, state in enumerate(states) if len(state) > k]
        expected = sum(weights[i] * padded[i][k] for i in there) / weights[there].sum()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_tasks_of_different_numbers_of_prompts_have_the_features_that_each_has_alone():
    states, _ = world()
    few = {task: found[: 5 + number] for number, (task, found) in enumerate(states.items())}
    attention = Attention(states_of_tasks(encoded(few), 3), 3)
    assert attention.states.shape == (5, 9, 3, DIM)
    with torch.no_grad():
        attention.query_in_spreads += torch.randn(3, DIM, generator=torch.Generator().manual_seed(2))
    for own, found in zip(few.values(), attention.features(), strict=True):
        torch.testing.assert_close(found, attention.reads(condition(own)))


def test_the_query_is_measured_by_the_spread_of_the_states():
    states = states_of_tasks(encoded(world()[0]), 3)
    one, other = Attention(states, 3), Attention(10 * states, 3)
    with torch.no_grad():
        for attention in (one, other):
            attention.query_in_spreads += 0.3
    torch.testing.assert_close(10 * one.features(), other.features())


def test_a_query_that_no_number_could_hold_still_makes_features():
    states = world()[0]["task_0"]
    found = attended_features(condition(states), torch.full((3, DIM), -1e6), 3)
    assert found.isfinite().all()


def hinted(tasks=6, prompts=64, seed=0):
    """Of every task's prompts the first quarter say which it is; the rest are many kinds of noise, common to all."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]
    told = rng.normal(size=(tasks, 3)) @ directions[:3]
    states, weights = {}, {}
    for number in range(tasks):
        silent = rng.normal(0, 3, (prompts, DIM - 4)) @ directions[4:]
        says = np.arange(prompts) < prompts // 4
        states[f"task_{number}"] = [
            (said * (told[number] + directions[3]) + own * (1 - 0.9 * said))[None].repeat(2, 0).astype(np.float16)
            for own, said in zip(silent, says, strict=True)
        ]
        weights[f"task_{number}"] = torch.tensor(np.resize(told[number], LAYOUT.size), dtype=torch.float32)
    return {task: PromptStates.from_states(found, LENGTH) for task, found in states.items()}, weights


class Stopped(Exception):
    pass


def learn(kind, rate, steps=150, saved=None, fails_after=None):
    """A learner of a kind, trained by the distance to the tasks' own weights, and its metrics."""
    prompts, weights = hinted()
    content = {"kind": kind, "positions": 1, "loss": "weights", "steps": steps, "tasks_per_step": 6,
               "attention_rate": rate}  # fmt: skip
    extra = {"shift_rate": 0.0, "task_dropout": 0.0, "leave_out": False} if kind == "basis" else {"width": 16}
    config = parse(GeneratorConfig, {**content, **extra})
    learner = begin(Given(config, None, prompts, weights, LAYOUT), 0)
    own, calls = weights_loss(weights), []

    def loss(flat, rows):
        calls.append(rows)
        if len(calls) == fails_after:
            raise Stopped
        return own(flat, rows)

    losses = Losses(loss, loss)
    training = AdapterTraining(config, learner, prompts, dict.fromkeys(prompts, 17), losses, 16, 0)
    rows = training.run(**({"saved": saved} if saved else {}))
    return learner, rows


def test_few_prompts_that_tell_are_found_among_many_that_do_not():
    (blind, plain), (learner, found) = learn("basis", 0.0), learn("basis", 3e-2)
    assert blind.attention is None
    ends = [np.mean([row["loss"] for row in rows[-20:]]) for rows in (plain, found)]
    assert ends[1] < 0.7 * ends[0]
    states = learner.attention.states
    weights = (states * learner.attention.query()).sum((-2, -1)).softmax(-1)
    assert weights[:, :16].sum(1).mean() > 0.4, "the quarter that tells, which had 0.25"


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_query_is_what_finite_differences_say(kind):
    states, weights = world()
    prompts, weights = encoded(states), means(weights)
    config = GeneratorConfig(kind=kind, positions=3, attention_rate=1e-3, **({"width": 8} if kind != "basis" else {}))
    learner = begin(Given(config, None, prompts, weights, LAYOUT), 0).double()
    target = torch.randn(2, LAYOUT.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    if kind != "basis":
        for head in learner.network.heads.values():
            torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(3))

    def loss():
        asked = torch.stack([learner.reads(prompts[task], torch.arange(6)) for task in ("task_1", "task_4")])
        return (learner(asked, ~torch.eye(5, dtype=torch.bool)[[1, 4]]) - target).square().mean()

    loss().backward()
    query = learner.attention.query_in_spreads
    direction = torch.randn(query.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            query += sign * 1e-5 * direction
            ends.append(loss().item())
            query -= sign * 1e-5 * direction
    assert query.grad.ne(0).all()
    assert (ends[0] - ends[1]) / 2e-5 == pytest.approx((query.grad * direction).sum().item(), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_in_a_file_reads_prompts_as_the_learner_does(kind, tmp_path):
    prompts, _ = hinted()
    learner, _ = learn(kind, 1e-2, 7)
    save_fitted(tmp_path / "generator.safetensors", learner.fitted(16, {"held_out": ["x"]}))
    chosen = torch.arange(3, 19)
    with torch.no_grad():
        expected = learner(learner.reads(prompts["task_2"], chosen)[None], torch.ones(1, 6, dtype=torch.bool))[0]
    made = load_generator(tmp_path / "generator.safetensors").weights(prompts["task_2"].gather(chosen))
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)
    assert learner.attention.query_in_spreads.ne(0).all()


def test_an_interrupted_training_goes_on_to_the_same_query(tmp_path, monkeypatch):
    monkeypatch.setenv("P2W_SAVE_SECONDS", "0")
    whole, rows = learn("basis", 1e-2, 9)
    with pytest.raises(Stopped), SavedState(tmp_path / "state", {"a": 1}) as saved:
        learn("basis", 1e-2, 9, saved, fails_after=6)
    with SavedState(tmp_path / "state", {"a": 1}) as saved:
        again, resumed = learn("basis", 1e-2, 9, saved)
    assert resumed == rows
    assert torch.equal(again.attention.query_in_spreads, whole.attention.query_in_spreads)
