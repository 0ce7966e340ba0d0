"""Tasks that are held out together: how an experiment says so, what each decoder may see, and what is refused."""

import pytest

from p2w.config.experiment import Experiment
from p2w.config.experiments import Experiments
from p2w.config.settings import parse
from p2w.config.targets import explain_target
from tests.support.experiments import whole

TASKS = ["a", "b", "c", "d", "e", "f"]
GROUPED = [{"words": ["a", "b"]}, "c", ["d", "e"]]


def experiment(held_out, tasks=TASKS, **more):
    return parse(Experiment, {**whole("pocket"), "tasks": tasks, "held_out": held_out, **more})


def test_a_group_has_the_name_it_is_given_or_a_number():
    found = experiment(GROUPED)
    assert found.turns == {"words": ("a", "b"), "c": ("c",), "group_1": ("d", "e")}
    assert list(found.groups) == ["words", "group_1"]
    assert list(experiment([["a", "b"], {"words": ["c", "d"]}, ["e", "f"]], [*TASKS, "g"]).turns) == [
        "group_1", "words", "group_2"
    ]  # fmt: skip


def test_every_task_of_a_group_is_evaluated():
    assert experiment(GROUPED).takes_turns == ("a", "b", "c", "d", "e")


def test_a_decoder_sees_no_task_of_its_group():
    found = experiment(GROUPED)
    assert found.trained_without("words") == ["c", "d", "e", "f"]
    assert found.trained_without("c") == ["a", "b", "d", "e", "f"]
    assert experiment(GROUPED, training_tasks=["f", "a"]).trained_without("words") == ["f"]


def test_a_product_of_a_task_comes_of_its_groups_decoder():
    found = experiment(GROUPED)
    assert [found.turn_of(task) for task in TASKS] == ["words", "words", "c", "group_1", "group_1", "f"]


def test_without_groups_each_task_has_its_turn():
    found = experiment(None)
    assert found.turns == {task: (task,) for task in TASKS}
    assert found.trained_without("b") == ["a", "c", "d", "e", "f"]


WRONG = {
    "a task in two groups": ([["a", "b"], ["b", "c"]], "held_out: found 'b' more than once"),
    "a task alone and in a group": (["a", {"words": ["a", "b"]}], "held_out: found 'a' more than once"),
    "two groups of one name": ([{"group_1": ["a", "b"]}, ["c", "d"]], "held_out: found 'group_1' more than once"),
    "a group of one": (
        [["a"]],
        r"held_out\[0\]: found \['a'\], expected text .*, or a list of at least 2, or a mapping with",
    ),
    "a group with a format's dot": ([{"w.words": ["a", "b"]}], "held_out"),
    "nothing": ([], "held_out: found an empty list, expected at least one task or group"),
    "no group": ([{}], r"held_out\[0\]: found keys \(none\)"),
    "all tasks": ([{"all": TASKS}], "held_out: found 'all', which leaves no training task"),
}


@pytest.mark.parametrize(("held_out", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_line(held_out, message):
    with pytest.raises(ValueError, match=message) as error:
        experiment(held_out)
    assert "\n" not in str(error.value)


@pytest.fixture
def experiments(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(str({**whole("pocket"), "tasks": TASKS, "held_out": [{"words": ["a", "b"]}, "c"]}))
    return Experiments({"toy": path}, {"tasks": {task: {} for task in [*TASKS, "g"]}, "formats": {}}, ["pocket"])


def test_the_decoder_of_a_member_is_that_of_its_group(experiments):
    assert experiments.held_out_in("toy", "words") == ("a", "b")
    assert experiments.held_out_in("toy", "g") == ("g",)  # a task outside the experiment
    with pytest.raises(ValueError, match="a is held out together with others, as 'words'"):
        experiments.held_out_in("toy", "a")
    with pytest.raises(ValueError, match="no task 'wrds'"):
        experiments.held_out_in("toy", "wrds")


def test_a_group_has_no_name_of_a_task(experiments):
    experiments.files["toy"].write_text(str({**whole("pocket"), "tasks": TASKS, "held_out": [{"g": ["a", "b"]}]}))
    with pytest.raises(ValueError, match=r"toy\.yaml: held_out: found a group 'g', expected a name that no task has"):
        experiments.whole("toy")


TARGETS = {
    "toy/decoder/words": "did you mean results/toy/decoder/words/decoder.safetensors",
    "toy/controls/words": "did you mean results/toy/controls/words/weight_average/adapter_model.safetensors",
    "toy/generated/words": "'words' is a group of held-out tasks; expected one of them: a, b",
    "toy/evaluation/words.json": "'words' is a group of held-out tasks; expected one of them: a, b",
    "toy/generated/a": "did you mean results/toy/generated/a/draw_0/adapter_model.safetensors",
    "toy/decoder/word": "no task 'word'",
}


@pytest.mark.parametrize(("target", "message"), TARGETS.items())
def test_a_target_with_a_group_is_explained(experiments, target, message):
    with pytest.raises(ValueError, match=message):
        explain_target(target, experiments)
