"""The hypernetwork begins as the mean adapter, knows which module it makes, and learns what it is judged by."""

import itertools

import pytest
import torch

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.adapter_losses import weights_loss
from p2w.generators.adapter_training import AdapterTraining, Losses
from p2w.generators.features import condition_features, position_features
from p2w.generators.fitted_file import save_fitted
from p2w.generators.generator_file import load_generator
from p2w.generators.hypernetwork import HyperNetwork, build_network
from p2w.runtime.resume import SavedState
from tests.support.official import random_lora
from tests.support.toy_prompts import condition, encoded, world

LAYERS = 3
LAYOUT = AdapterLayout.from_tensors(random_lora(0, LAYERS, {"q": (13, 11), "v": (13, 7)}, 2))
CONFIG = GeneratorConfig(kind="hypernetwork", positions=3, width=17, loss="weights", steps=60, warm_start=0,
                         tasks_per_step=5, learning_rate=5e-3)  # fmt: skip


def begun(config=CONFIG, seed=0):
    """A network for the tasks of the toy world, with their prompts and adapters."""
    states, _ = world()
    prompts = encoded(states)
    features = torch.stack([position_features(found, config.positions) for found in prompts.values()])
    random = torch.Generator().manual_seed(7)
    weights = torch.randn(len(prompts), LAYOUT.size, generator=random) * 0.1 + torch.arange(len(prompts))[:, None]
    return HyperNetwork(features, weights, LAYOUT, config, seed), states, prompts, weights


def train(config=CONFIG, seed=0, saved=None, losses=None):
    network, states, prompts, weights = begun(config, seed)
    loss = weights_loss(dict(zip(prompts, weights, strict=True)))
    training = AdapterTraining(config, network, prompts, dict.fromkeys(prompts, 17),
                               losses or Losses(loss, loss), 4, seed)  # fmt: skip
    rows = training.run(**({"saved": saved} if saved else {}))
    return rows, network.fitted(4, {}), states, weights


def test_untrained_it_makes_the_mean_adapter_of_every_prompt():
    network, states, _, weights = begun()
    fitted = network.fitted(4, {})
    for task in states:
        torch.testing.assert_close(fitted.weights(condition(states[task])), weights.mean(0))
    torch.testing.assert_close(fitted.weights_of_no_prompt([]), weights.mean(0))


def test_a_matrix_is_made_by_the_head_of_its_kind_told_its_layer():
    network = build_network(5, LAYOUT, 17)
    network.begin(0)
    assert len(network.heads) == 4  # A and B of two kinds of module
    head = network.heads[network.kinds[0]]
    torch.nn.init.normal_(head.weight)
    features = torch.randn(2, 5)
    pieces = LAYOUT.split(network(features))
    mine = [piece for piece, kind in zip(pieces, network.kinds, strict=True) if kind == network.kinds[0]]
    assert len(mine) == LAYERS
    assert sum(bool(piece.any()) for piece in pieces) == LAYERS
    assert not any(torch.allclose(one, other) for one, other in itertools.combinations(mine, 2))
    assert not any(torch.allclose(*piece) for piece in mine)  # other features, other values


def test_matrices_of_one_kind_and_several_shapes_have_a_head_each():
    first, second = (random_lora(0, 1, {"q": (13, width)}, 2) for width in (11, 7))
    tensors = {**first, **{name.replace(".0.", ".1."): tensor for name, tensor in second.items()}}
    layout = AdapterLayout.from_tensors(tensors)
    network = build_network(5, layout, 17)
    network.begin(0)
    assert sorted(network.heads) == sorted(set(network.kinds))
    assert len(network.heads) == 3  # A of either width, and B
    assert network(torch.randn(2, 5)).shape == (2, layout.size)


def test_what_it_makes_is_in_units_of_the_spread_of_each_matrix():
    network, _, _, weights = begun()
    for head in network.network.heads.values():
        torch.nn.init.constant_(head.bias, 1.0)
    made = network(network.features.view(1, 3, -1), None)[0] - weights.mean(0)
    for piece, own in zip(LAYOUT.split(made), LAYOUT.split(weights - weights.mean(0)), strict=True):
        torch.testing.assert_close(piece, own.square().mean().sqrt().expand_as(piece), rtol=1e-4, atol=1e-4)


def test_training_by_weights_learns_every_tasks_adapter_from_its_prompts():
    rows, fitted, states, weights = train()
    assert rows[-1]["loss"] < 0.1 * rows[0]["loss"]
    made = torch.stack([fitted.weights(condition(found)) for found in states.values()])
    distances = torch.cdist(made, weights)
    assert distances.argmin(1).tolist() == list(range(len(weights)))


def test_equal_seeds_give_equal_bits_and_others_another_network():
    first, again, other = (train(CONFIG.model_copy(update={"steps": 3}), seed)[1].network for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_first_parameters_leave_the_global_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    begun()
    assert torch.equal(torch.rand(3), expected)


def test_a_saved_one_is_all_that_generation_needs(tmp_path):
    _, fitted, states, _ = train(CONFIG.model_copy(update={"steps": 3}))
    save_fitted(tmp_path / "a.safetensors", fitted)
    loaded = load_generator(tmp_path / "a.safetensors")
    asked = condition(states["task_1"])
    assert torch.equal(loaded.weights(asked), fitted.weights(asked))
    assert torch.equal(loaded.weights_of_no_prompt([]), fitted.weights_of_no_prompt([]))
    save_fitted(tmp_path / "b.safetensors", loaded)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_trained_and_saved_make_the_same():
    network, states, _, _ = begun()
    torch.nn.init.normal_(network.network.heads[next(iter(network.network.heads))].weight)
    asked = condition(states["task_2"])
    features = condition_features(asked, 3).view(1, 3, -1)
    torch.testing.assert_close(network.fitted(4, {}).weights(asked), network(features, None)[0])


def test_a_file_with_another_number_of_parameters(tmp_path):
    fitted = begun()[0].fitted(4, {})
    object.__setattr__(fitted, "network", fitted.network[:-1])
    save_fitted(tmp_path / "a.safetensors", fitted)
    with pytest.raises(ValueError, match=r"network: found [0-9]+ parameters, expected"):
        load_generator(tmp_path / "a.safetensors").weights_of_no_prompt([])


def test_the_first_steps_are_by_weights_and_the_others_by_what_is_asked_for():
    _, _, prompts, weights = begun()
    seen = []

    def judged(name):
        own = weights_loss(dict(zip(prompts, weights, strict=True)))
        return lambda flat, rows: seen.append(name) or own(flat, rows)

    train(CONFIG.model_copy(update={"steps": 5, "warm_start": 2}), losses=Losses(judged("main"), judged("begin")))
    assert seen == ["begin"] * 2 + ["main"] * 3


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("P2W_SAVE_SECONDS", "0")
    config = CONFIG.model_copy(update={"steps": 12, "validation": 0.2})
    whole = train(config)
    _, _, prompts, weights = begun()
    own, calls = weights_loss(dict(zip(prompts, weights, strict=True))), []

    def failing(flat, rows):
        calls.append(rows)
        if len(calls) > 9:
            raise KeyboardInterrupt
        return own(flat, rows)

    with pytest.raises(KeyboardInterrupt), SavedState(tmp_path / "state", {"a": 1}) as saved:
        train(config, saved=saved, losses=Losses(failing, failing))
    with SavedState(tmp_path / "state", {"a": 1}) as saved:
        again = train(config, saved=saved)
    assert again[0] == whole[0]
    assert torch.equal(again[1].network, whole[1].network)


def test_its_settings_have_defaults_of_their_own():
    config = parse(GeneratorConfig, {"kind": "hypernetwork", "steps": 7, "warm_start": 9})
    assert (config.steps, config.learning_rate) == (7, 3e-4)
    assert config.samples_seen == 0  # all of its seven steps are by weights
    assert parse(GeneratorConfig, {"kind": "hypernetwork"}).samples_seen == 300 * 8 * 3
    with pytest.raises(ValueError, match=r"^penalty: found one beside kind hypernetwork, expected kind ridge or basis"):
        parse(GeneratorConfig, {"kind": "hypernetwork", "penalty": 1.0})
