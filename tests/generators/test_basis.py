"""The learned mixture of adapters begins as ridge, leaves out what it is told to, and learns what it is judged by."""

import numpy as np
import pytest
import torch

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.adapter_losses import delta_loss, weights_loss
from p2w.generators.adapter_training import AdapterTraining, Losses
from p2w.generators.basis import Basis
from p2w.generators.centroids import centroids_of, training_rows
from p2w.generators.features import Part, position_features, task_features
from p2w.generators.ridge import regress
from p2w.prompts.states import PromptStates
from p2w.runtime.resume import SavedState
from tests.support.official import random_lora

LAYOUT = AdapterLayout.from_tensors(random_lora(0, 1, {"q": (14, 14), "v": (14, 7)}, 2))
DIM, LENGTH, TASKS = 11, 7, 5
CONFIG = GeneratorConfig(
    kind="basis",
    positions=3,
    penalty=0.5,
    gain=1.5,
    loss="weights",
    steps=13,
    tasks_per_step=3,
    shift_rate=1e-2,
    task_dropout=0.0,
)


def world(seed=0):
    """Prompts of different lengths and three checkpoints of each task."""
    rng = np.random.default_rng(seed)
    prompts, weights = {}, {}
    for number in range(TASKS):
        states = [rng.normal(number, 1, (n, DIM)).astype(np.float16) for n in rng.integers(1, LENGTH + 1, 13)]
        prompts[f"task_{number}"] = PromptStates.from_states(states, LENGTH)
        weights[f"task_{number}"] = torch.tensor(rng.normal(number, 1, (3, LAYOUT.size)), dtype=torch.float32)
    return prompts, weights


def begun(prompts, weights, config=CONFIG):
    features = torch.stack([position_features(prompts[task], config.positions) for task in prompts])
    return Basis(features, torch.stack([found.mean(0) for found in weights.values()]), LAYOUT, config)


def condition(prompts, count=4):
    return prompts.gather(torch.arange(count))


@pytest.mark.parametrize("positions", [0, 1, 3])
def test_untrained_it_is_ridge_with_every_task_and_without_any_one(positions):
    config = CONFIG.model_copy(update={"positions": positions})
    prompts, weights = world()
    basis = begun(prompts, weights, config)
    for left_out in (None, "task_0", "task_3"):
        known = [task for task in prompts if task != left_out]
        known = centroids_of({t: prompts[t] for t in known}, {t: weights[t].mean(0) for t in known})
        rows = training_rows(known, config.positions)
        fitted = regress(config, LAYOUT, *rows, 4, {})
        asked = condition(prompts["task_3"])
        mask = torch.tensor([[task != left_out for task in prompts]])
        features = position_features(Part(prompts["task_3"], torch.arange(4)), positions)
        torch.testing.assert_close(basis(features[None], mask)[0], fitted.weights(asked), rtol=1e-4, atol=1e-4)


def test_a_drawn_part_of_the_prompts_has_their_features():
    prompts = world()[0]["task_2"]
    chosen = torch.tensor([7, 2, 11])
    flat = prompts.gather(chosen)
    alone = PromptStates.from_states([s[: int(s.ne(0).any(-1).sum())].half().numpy() for s in flat], LENGTH)
    torch.testing.assert_close(task_features(Part(prompts, chosen), 3), task_features(alone, 3))


def test_what_is_left_out_has_no_share_and_shares_are_one_in_all():
    prompts, weights = world()
    basis = begun(prompts, weights)
    known = torch.tensor([True, False, True, True, False])
    shares = basis.shares(basis.of_tasks(), position_features(prompts["task_1"], 3), known)
    assert shares[~known].eq(0).all()
    assert shares[known].ne(0).all()
    assert shares.sum().item() == pytest.approx(1)


def test_the_solved_generator_makes_what_the_trained_basis_does():
    prompts, weights = world()
    basis = begun(prompts, weights)
    train(prompts, weights, basis=basis)
    solved = basis.fitted(4, {"held_out": ["x"]})
    features = position_features(Part(prompts["task_1"], torch.arange(4)), 3)
    made = basis(features[None], torch.ones(1, TASKS, dtype=torch.bool))[0]
    torch.testing.assert_close(solved.weights(condition(prompts["task_1"])), made, rtol=1e-4, atol=1e-4)
    assert basis.shift.abs().max() > 0


@pytest.mark.parametrize("name", ["log_position", "log_penalty", "log_gain", "shift"])
def test_the_gradient_through_the_solver_is_what_finite_differences_say(name):
    prompts, weights = world()
    basis = begun(prompts, weights).double()
    target = torch.randn(2, LAYOUT.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    asked = torch.stack([position_features(prompts[task], 3) for task in ("task_1", "task_4")])
    known = ~torch.eye(TASKS, dtype=torch.bool)[[1, 4]]

    def loss():
        return (basis(asked, known) - target).square().mean()

    loss().backward()
    parameter = dict(basis.named_parameters())[name]
    direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter += sign * 1e-5 * direction
            ends.append(loss().item())
            parameter -= sign * 1e-5 * direction
    assert (ends[0] - ends[1]) / 2e-5 == pytest.approx((parameter.grad * direction).sum().item(), rel=1e-6)


def train(prompts, weights, config=CONFIG, seed=0, basis=None, saved=None, loss=None):
    """Metrics and parameters after training by the distance to the tasks' own weights."""
    basis = basis or begun(prompts, weights, config)
    loss = loss or weights_loss({task: found.mean(0) for task, found in weights.items()})
    training = AdapterTraining(config, basis, prompts, dict.fromkeys(prompts, 17), Losses(loss, loss), 4, seed)
    rows = training.run(**({"saved": saved} if saved else {}))
    return rows, {name: parameter.detach().clone() for name, parameter in basis.named_parameters()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_training_lowers_the_loss_of_left_out_tasks_and_repeats_to_the_bit():
    prompts, weights = world()
    config = CONFIG.model_copy(update={"steps": 40, "tasks_per_step": TASKS, "shift_rate": 0.05})
    rows, learned = train(prompts, weights, config)
    assert np.mean([row["loss"] for row in rows[-7:]]) < 0.7 * np.mean([row["loss"] for row in rows[:7]])
    assert equal(train(prompts, weights, config)[1], learned)
    assert not equal(train(prompts, weights, config, seed=1)[1], learned)


def test_rates_of_zero_leave_what_they_are_of():
    prompts, weights = world()
    _, learned = train(prompts, weights, CONFIG.model_copy(update={"shift_rate": 0.0}))
    assert learned["shift"].eq(0).all()
    assert learned["log_position"].ne(0).all()
    _, learned = train(prompts, weights, CONFIG.model_copy(update={"learning_rate": 0.0}))
    assert learned["log_position"].eq(0).all()
    assert learned["shift"].ne(0).any()


@pytest.mark.parametrize("leave_out", [True, False])
def test_a_tasks_own_adapter_is_left_out_or_not(leave_out):
    prompts, weights = world()
    config = CONFIG.model_copy(update={"steps": 1, "tasks_per_step": TASKS, "leave_out": leave_out})
    basis, seen = begun(prompts, weights), []
    mixed = basis.forward
    basis.forward = lambda asked, known: seen.append(known) or mixed(asked, known)
    train(prompts, weights, config, basis=basis)
    assert seen[0].sum(1).tolist() == [TASKS - leave_out] * TASKS
    assert sorted(seen[0].logical_not().nonzero()[:, 1].tolist()) == (list(range(TASKS)) if leave_out else [])


def test_dropout_leaves_out_others_too_but_never_so_many_that_nothing_can_be_mixed():
    prompts, weights = world()
    loss = weights_loss({task: found.mean(0) for task, found in weights.items()})
    for share in (0.2, 0.99):
        config = CONFIG.model_copy(update={"task_dropout": share})
        training = AdapterTraining(
            config, begun(prompts, weights), prompts, dict.fromkeys(prompts, 1), Losses(loss, loss), 4, 0
        )
        known = torch.stack([training._known(2) for _ in range(300)])
        assert not known[:, 2].any()
        assert known.sum(1).min() >= 2
        others = known[:, [0, 1, 3, 4]].float().mean().item()
        assert others == pytest.approx(0.81, abs=0.03) if share == 0.2 else others > 0.9


class Stopped(Exception):
    pass


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("P2W_SAVE_SECONDS", "0")
    prompts, weights = world()
    whole = train(prompts, weights)
    own = weights_loss({task: found.mean(0) for task, found in weights.items()})
    calls = []

    def failing(flat, rows):
        calls.append(rows)
        if len(calls) > 5:
            raise Stopped
        return own(flat, rows)

    with pytest.raises(Stopped), SavedState(tmp_path / "state", {"a": 1}) as saved:
        train(prompts, weights, saved=saved, loss=failing)
    with SavedState(tmp_path / "state", {"a": 1}) as saved:
        again = train(prompts, weights, saved=saved)
    assert again[0] == whole[0]
    assert equal(again[1], whole[1])


def test_a_loss_that_is_not_finite_stops_it():
    prompts, weights = world()
    with pytest.raises(FloatingPointError, match="step 1: found loss nan and gradient norm nan"):
        train(prompts, weights, loss=lambda flat, _: flat.sum() * torch.nan)


def test_the_losses_are_relative_distances_of_weights_and_of_products():
    _, weights = world()
    targets = {task: found.mean(0) for task, found in weights.items()}
    stacked = torch.stack([*targets.values()])
    rows = {"task_1": [], "task_3": []}
    own = torch.stack([targets[task] for task in rows])
    mean = stacked.mean(0)
    everyone = {task: [] for task in targets}
    for loss in (weights_loss(targets), delta_loss(LAYOUT, targets)):
        assert loss(own, rows).item() == 0
    assert weights_loss(targets)(mean.expand(TASKS, -1), everyone).item() == pytest.approx(1)

    def product(flat):
        tensors = LAYOUT.unflatten(flat)
        names = [name for name in tensors if ".lora_A." in name]
        return torch.cat([(tensors[n.replace("_A.", "_B.")] @ tensors[n]).flatten() for n in names])

    products = torch.stack([product(flat) for flat in stacked])
    spread = (products - products.mean(0)).square().sum(1).mean()
    expected = torch.stack([(product(mean) - product(flat)).square().sum() for flat in own]).mean() / spread
    found = delta_loss(LAYOUT, targets)(mean.expand(2, -1), rows)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "ridge", "steps": 3}, "steps: found one beside kind ridge, expected kind basis or hypernetwork"),
        ({"kind": "basis", "loss": "tusk"}, "loss: found 'tusk', expected one of 'weights', 'delta', 'task'"),
        ({"kind": "basis", "tasks_per_step": 0}, "tasks_per_step: found 0, expected an integer of at least 1"),
    ],
)
def test_bad_settings(content, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        parse(GeneratorConfig, content)
