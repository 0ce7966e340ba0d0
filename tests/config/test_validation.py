"""What is kept apart for validation is known when a run is planned: every task must have prompts for both."""

import pytest

from p2w.config.experiment import Experiment
from p2w.config.settings import parse
from tests.support.experiments import whole

PROMPTS = 16  # of a condition in the pocket experiment


def experiment(share=0.0, most=64, **generator):
    content = whole("pocket")
    decoder = {**content["decoder"], "validation": share}
    return parse(Experiment, {**content, "decoder": decoder, "prompts": {"max_per_task": most}, **generator})


def test_without_validation_a_condition_is_all_that_a_task_needs():
    assert experiment().least_prompts == PROMPTS


def test_the_generator_with_the_largest_share_decides():
    assert experiment(0.2).least_prompts == 20
    further = {"generators": [{"kind": "hypernetwork", "validation": 0.5}]}
    assert experiment(0.2, **further).least_prompts == 2 * PROMPTS
    instead = {"generator": {"kind": "hypernetwork", "validation": 0.2}}
    assert experiment(0.5, **instead).least_prompts == 20  # no decoder is trained


def test_too_few_prompts_to_keep_some_apart():
    with pytest.raises(ValueError, match=r"prompts\.max_per_task: found 19, expected 20 or more: num_prompts \(16\)"):
        experiment(0.2, most=19)
    with pytest.raises(ValueError, match=r"decoder\.validation: found 1, expected"):
        experiment(1)
