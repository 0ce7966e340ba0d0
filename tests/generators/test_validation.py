"""What is kept apart of training tasks is not learned from, and decides which state of a training stays."""

import pytest
import torch

from p2w.config.generator import GeneratorConfig
from p2w.config.validation import kept_apart, least
from p2w.generators.adapter_losses import weights_loss
from p2w.generators.adapter_training import AdapterTraining, Losses
from p2w.generators.basis import Basis
from p2w.generators.batches import load_tasks
from p2w.generators.features import Part, position_features
from p2w.generators.training import train_decoder
from p2w.generators.validation import KEY, BestState, is_due, split
from tests.support.settings import replace
from tests.support.toy_decoder import CONFIG, make_tasks
from tests.support.toy_prompts import LAYOUT, encoded, world


def decoder_world(**changes):
    return (replace(CONFIG, **changes), *make_tasks())


def random(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("count", "share"), [(7, 0.3), (2, 0.5), (50, 0.1), (11, 0.01)])
def test_a_split_has_everything_once(count, share):
    learned, apart = split("it", count, share, random())
    assert sorted([*learned.tolist(), *apart.tolist()]) == list(range(count))
    assert len(apart) == kept_apart(count, share) >= 1
    assert split("it", count, share, random())[1].equal(apart)


def test_without_a_share_nothing_is_apart_and_nothing_is_drawn():
    generator = random()
    before = generator.get_state()
    learned, apart = split("it", 5, 0.0, generator)
    assert (learned.tolist(), apart.tolist()) == ([0, 1, 2, 3, 4], [])
    assert generator.get_state().equal(before)


def test_nothing_left_to_learn_from():
    with pytest.raises(ValueError, match=r"^checkpoints of boolq: found 1 of them, expected at least 2 to keep"):
        split("checkpoints of boolq", 1, 0.1, random())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.34, 0.9])
def test_the_least_that_leaves_enough(share):
    for wanted in (1, 5, 128):
        count = least(wanted, share)
        assert count - kept_apart(count, share) >= wanted
        assert count == wanted or count - 1 - kept_apart(count - 1, share) < wanted


def test_ten_validations_and_the_last_step_is_one():
    assert [step for step in range(1, 101) if is_due(step, 100)] == list(range(10, 101, 10))
    assert [step for step in range(1, 24) if is_due(step, 23)] == [3, 6, 9, 12, 15, 18, 21, 23]
    assert [step for step in range(1, 4) if is_due(step, 3)] == [1, 2, 3]


def test_the_state_of_lowest_loss_comes_back():
    parameter = torch.nn.Parameter(torch.zeros(3))
    best = BestState({"a": parameter})
    best.restore()
    assert parameter.eq(0).all()
    for loss, value in ((3.0, 1.0), (1.0, 2.0), (2.0, 3.0)):
        torch.nn.init.constant_(parameter, value)
        best.offer(loss)
    best.restore()
    assert parameter.eq(2).all()
    other = BestState({"a": parameter})
    other.resume(best.kept, [{"step": 1.0}, {"step": 2.0, KEY: 1.0}])
    other.offer(1.5)
    assert other.loss == 1.0


def generator_training(share, losses=None, steps=20):
    states, weights = world()
    prompts = encoded(states)
    config = GeneratorConfig(kind="basis", positions=3, steps=steps, tasks_per_step=2, validation=share, shift_rate=4.0)
    features = torch.stack([position_features(found, 3) for found in prompts.values()])
    means = {task: found.mean(0) for task, found in weights.items()}
    basis = Basis(features, torch.stack([*means.values()]), LAYOUT, config)
    loss = weights_loss(means)
    return AdapterTraining(config, basis, prompts, dict.fromkeys(prompts, 17), losses or Losses(loss, loss), 4, 0)


def test_a_generator_never_learns_from_samples_and_prompts_that_are_kept_apart():
    states, weights = world()
    own, seen = weights_loss({task: found.mean(0) for task, found in weights.items()}), {True: set(), False: set()}

    def noted(flat, rows):
        for task, chosen in rows.items():
            seen[flat.requires_grad] |= {(task, row) for row in chosen}
        return own(flat, rows)

    training = generator_training(0.3, Losses(noted, noted), steps=60)
    drawn = {task: set() for task in states}
    for task, found in training.prompts.items():

        class Watched(type(found)):
            def gather(self, indices, task=task):
                drawn[task] |= set(indices.flatten().tolist())
                return super().gather(indices)

        training.prompts[task] = Watched(found.flat, found.offsets, found.max_length)
    training.config = training.config.model_copy(update={"validation": 0.0})  # the steps alone
    training.run()
    assert seen[True]
    assert not seen[False]
    for task in states:
        assert not drawn[task] & set(training.texts[task].apart.tolist())
    training.validation_loss()
    assert {task for task, _ in seen[False]} == set(states)
    assert not seen[True] & seen[False]


def test_a_validated_generator_ends_with_its_best_state():
    training = generator_training(0.2, steps=10)
    rows = training.run()
    found = {row["step"]: row[KEY] for row in rows if KEY in row}
    assert sorted(found) == list(range(1, 11))
    assert training.validation_loss() == pytest.approx(min(found.values()), rel=1e-6)
    assert min(found.values()) < found[10]  # at such a rate, which rises to its end, it has got worse again
    assert all(KEY not in row for row in generator_training(0.0).run())


def test_a_decoder_keeps_prompts_and_checkpoints_apart():
    config, spec, conditions, checkpoints = decoder_world(validation=0.4)
    whole, _ = load_tasks(config.model_copy(update={"validation": 0.0}), spec, conditions, checkpoints, "cpu")
    tasks, weight = load_tasks(config, spec, conditions, checkpoints, "cpu", seed=3)
    for task, every in zip(tasks, whole, strict=True):
        prompts, target = task.apart
        assert isinstance(task.prompts, Part)
        assert not set(task.prompts.chosen.tolist()) & set(prompts.chosen.tolist())
        assert len(task.prompts) + len(prompts) == len(every.prompts)
        apart = [row for row in every.targets if not any(row.equal(kept) for kept in task.targets)]
        assert len(apart) == len(every.targets) - len(task.targets) >= 1
        torch.testing.assert_close(target, torch.stack(apart).mean(0))
    assert weight.isfinite().all()


def test_a_validated_decoder_ends_with_its_best_state():
    config, spec, conditions, checkpoints = decoder_world(validation=0.4, steps=30, warmup_steps=30, learning_rate=0.2)
    decoder, rows = train_decoder(config, spec, conditions, checkpoints, 0)
    found = [row[KEY] for row in rows if KEY in row]
    assert len(found) == 10
    tasks, weight = load_tasks(config, spec, conditions, checkpoints, "cpu", 0)
    total = 0.0
    for task in tasks:
        prompts, target = task.apart
        chosen = torch.arange(config.num_prompts) % len(prompts)
        with torch.no_grad():
            output = decoder(prompts.gather(chosen)[None])[0]
        total += ((output - target).square() * weight[:, None, None]).mean().item()
    assert total / len(tasks) == pytest.approx(min(found), rel=1e-4)
    assert min(found) < found[-1]


def test_too_few_prompts_for_both():
    config, spec, conditions, checkpoints = decoder_world(validation=0.9)
    with pytest.raises(ValueError, match=f"found [0-9]+ prompts, expected {least(CONFIG.num_prompts, 0.9)} or more"):
        load_tasks(config, spec, conditions, checkpoints, "cpu")
