"""Drag-and-Drop's decoder, trained by what its adapters are or do: the same architecture, the same file."""

import pytest
import torch

from p2w.config.generator import GeneratorConfig
from p2w.config.settings import parse
from p2w.generators.adapter_losses import weights_loss
from p2w.generators.adapter_training import AdapterTraining, Losses
from p2w.generators.generation import generate
from p2w.generators.generator_file import load_generator
from p2w.generators.learned_decoder import LearnedDecoder
from p2w.generators.learners import Given, begin, write_learned
from tests.support.settings import replace
from tests.support.toy_decoder import CONFIG, DIM, LENGTH, make_tasks

SETTINGS = GeneratorConfig(kind="learned_decoder", steps=60, warm_start=0, loss="weights", tasks_per_step=3)


def begun(seed=0):
    spec, prompts, checkpoints = make_tasks()
    adapters = {task: found.mean(0) for task, found in checkpoints.items()}
    given = Given(SETTINGS, CONFIG, prompts, adapters, spec.layout)
    return begin(given, seed), spec, prompts, adapters


def test_its_architecture_is_that_of_the_decoder_section():
    learner, spec, _, _ = begun()
    assert learner.decoder.shapes == ((CONFIG.num_prompts, LENGTH, DIM), *CONFIG.shapes, spec.shape)
    assert learner.decoder.kernel_size == CONFIG.kernel_size
    assert [group["peak"] for group in learner.groups(SETTINGS)] == [CONFIG.learning_rate]


def test_a_condition_has_as_many_prompts_as_the_decoder_reads():
    learner, _, prompts, _ = begun()
    found = prompts["task_1"]
    wanted = torch.tensor([5, 2, 11, 3, 7, 13])
    assert torch.equal(learner.reads(found, wanted), found.gather(wanted))
    assert torch.equal(learner.reads(found, wanted[:4]), found.gather(torch.tensor([5, 2, 11, 3, 5, 2])))
    assert torch.equal(learner.reads(found, torch.arange(9)), found.gather(torch.arange(6)))


def test_what_is_trained_makes_what_is_saved_does(tmp_path):
    learner, spec, prompts, _ = begun()
    asked = learner.reads(prompts["task_2"], torch.arange(6))
    made = learner(asked[None], None)[0]
    torch.testing.assert_close(made, generate(learner.decoder, spec, asked))
    write_learned(tmp_path / "a.safetensors", learner.fitted(6, {"held_out": ["x"]}))
    loaded = load_generator(tmp_path / "a.safetensors")
    torch.testing.assert_close(loaded.weights(asked), made)
    assert (loaded.num_prompts, loaded.metadata) == (6, {"held_out": ["x"]})


def test_the_gradient_through_the_tokens_is_what_finite_differences_say():
    learner, _, prompts, adapters = begun()
    asked = learner.reads(prompts["task_0"], torch.arange(6))[None]
    target, parameter = adapters["task_1"], learner.decoder.blocks[0].channel.weight

    def loss():
        return (learner(asked, None)[0] - target).square().sum()

    loss().backward()
    direction = parameter.grad / parameter.grad.norm()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter += sign * 1e-2 * direction
            ends.append(loss().item())
            parameter -= sign * 1e-2 * direction
    assert (ends[0] - ends[1]) / 2e-2 == pytest.approx((parameter.grad * direction).sum().item(), rel=1e-2)


def test_training_by_weights_makes_every_tasks_adapter_of_its_prompts():
    learner, _, prompts, adapters = begun()
    loss = weights_loss(adapters)
    training = AdapterTraining(SETTINGS, learner, prompts, dict.fromkeys(prompts, 5), Losses(loss, loss), 6, 0)
    rows = training.run()
    assert rows[-1]["loss"] < 0.1 * rows[0]["loss"]
    with torch.no_grad():
        made = torch.cat([learner(learner.reads(found, torch.arange(6))[None], None) for found in prompts.values()])
    assert torch.cdist(made, torch.stack([*adapters.values()])).argmin(1).tolist() == [0, 1, 2]


def test_a_seed_is_one_decoder():
    first, again, other = (begun(seed)[0].decoder.blocks[0].channel.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_settings_that_are_not_there():
    spec, prompts, checkpoints = make_tasks()
    given = Given(SETTINGS, None, prompts, checkpoints, spec.layout)
    with pytest.raises(ValueError, match=r"^decoder: found no settings of one, expected the architecture"):
        begin(given, 0)
    with pytest.raises(ValueError, match=r"^learning_rate: found one beside kind learned_decoder, expected kind basis"):
        parse(GeneratorConfig, {"kind": "learned_decoder", "learning_rate": 0.1})


def test_what_is_computed_twice_is_the_same():
    learner, spec, prompts, _ = begun()
    twice = LearnedDecoder((LENGTH, DIM), spec, replace(CONFIG, activation_checkpointing=True), 0)
    twice.decoder.load_state_dict(learner.decoder.state_dict())
    asked = learner.reads(prompts["task_0"], torch.arange(6))[None]
    assert torch.equal(twice(asked, None), learner(asked, None))
