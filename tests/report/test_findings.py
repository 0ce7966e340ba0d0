"""Sentences that follow from the numbers: other numbers, other sentences."""

import pytest

from p2w.report.findings import findings
from p2w.report.sentences import signed
from tests.support.evaluations import CONSTANT, SHUFFLED, evaluation, free_evaluation, result


def said(*evaluations):
    return " ".join(findings(evaluations))


def test_conditioning_that_adds_nothing():
    text = said(evaluation("a", {"base": 0.2, SHUFFLED: 0.97, CONSTANT: 0.96, "generated": 0.98}))
    assert "Conditioning on the task's prompts adds nothing measurable here" in text
    assert (
        "right in 0.980 of the rows with them, and in 0.970 (`generated/shuffled_prompts`), 0.960 (`constant`)" in text
    )


def test_conditioning_that_matters_for_one_control():
    text = said(evaluation("a", {"base": 0.2, SHUFFLED: 0.97, CONSTANT: 0.5, "generated": 0.98}))
    assert "adds nothing" not in text
    assert "no measurable difference to `generated/shuffled_prompts`" in text
    assert "`generated` is better than `constant` (+0.480, 95 % interval +0.440 to +0.520)" in text


def test_prompts_that_do_harm():
    text = said(evaluation("a", {"base": 0.2, CONSTANT: 0.9, "generated": 0.5}))
    assert "`generated` is worse than `constant` (-0.400, 95 % interval -0.440 to -0.360)" in text


def test_many_tasks_can_show_what_one_cannot():
    one = {"base": 0.2, CONSTANT: 0.95, "generated": 0.98}
    assert "adds nothing measurable" in said(evaluation("a", one))
    text = said(*(evaluation(name, one) for name in "abcd"))
    assert "`generated` is better on these tasks than `constant` (+0.030" in text
    assert "for other tasks p = 0.125)" in text  # no four tasks can show more: 2 of 16 signs are as large


def test_what_holds_of_these_tasks_need_not_hold_of_others():
    """Six alike are evidence on others (2 of 64 signs), five alike and one the other way round are not."""
    alike = [evaluation(name, {"base": 0.2, CONSTANT: 0.8, "generated": 0.9}) for name in "abcdef"]
    other = evaluation("f", {"base": 0.2, CONSTANT: 0.8, "generated": 0.6})
    assert "`generated` is better than `constant` (+0.100" in said(*alike)
    assert "for other tasks p = 0.031)" in said(*alike)
    assert "`generated` is better on these tasks than `constant` (+0.050" in said(*alike[:-1], other)


def test_missing_controls_are_named_as_missing():
    text = said(evaluation("a", {"base": 0.2, "generated": 0.98}))
    assert "whether conditioning on prompts matters cannot be said" in text
    assert "whether it is worth its cost cannot be said" in text


def test_controls_without_a_decoder():
    text = said(evaluation("a", {"base": 0.2, "weight_average": 0.9, "nearest_prompts": 0.7, "generated": 0.8}))
    assert "`generated` is worse than `weight_average` (-0.100" in text
    assert "`generated` is better than `nearest_prompts` (+0.100" in text


def test_tasks_on_which_it_fails_are_listed():
    good = evaluation("a", {"base": 0.2, "generated": 0.9})
    bad = evaluation("b", {"base": 0.19, "generated": result(0.17, valid=0.2)})
    text = said(good, bad)
    assert "It beats `base` on 1 of 2 tasks" in text
    assert "b (0.170 against 0.190, below the 0.250 of a guess with 80% of the answers not in the form asked)" in text
    assert "every one of them" in said(good, {**good, "held_out": "c"})


@pytest.mark.parametrize(("accuracy", "verdict"), [(0.5, "The adapters help"), (0.2, "is open"), (0.05, "do harm")])
def test_headline(accuracy, verdict):
    assert verdict in findings([evaluation("a", {"base": 0.2, "generated": accuracy})])[0]


def test_gain_of_form_and_gain_of_knowledge():
    form = {"base": result(0.2, valid=0.2, choice=0.97), "generated": result(0.98, valid=1.0, choice=0.98)}
    knowledge = {"base": result(0.3, valid=1.0, choice=0.3), "generated": result(0.9, valid=1.0, choice=0.9)}
    assert "one of form, hardly of knowledge: answers in the form asked go from 0.200 to 1.000" in said(
        evaluation("a", form)
    )
    assert "not one of form alone" in said(evaluation("a", knowledge))


def test_form_and_knowledge_are_told_apart_where_there_are_choices():
    sources = {"base": result(0.2, valid=0.2, choice=0.97), "generated": result(0.98, choice=0.98)}
    assert "one of form" not in said(free_evaluation("b", sources))
    worse = {"base": 0.2, "generated": 0.1}
    assert "in 0.970 of the rows without and 0.980 with" in said(evaluation("a", sources), free_evaluation("b", worse))


def test_share_of_the_way_to_the_ceiling():
    text = said(evaluation("a", {"base": 0.2, "target_trained": 0.8, "generated": 0.5}))
    assert "from `base` (0.200) to `target_trained` (0.800), `generated` goes 50%" in text


def test_always_the_same_answer():
    stuck = {"base": 0.2, "generated": result(0.5, confusion=[[50, 0, 0], [47, 2, 1]])}
    fair = {"base": 0.2, "generated": result(0.9, confusion=[[48, 2, 0], [2, 47, 1]])}
    one_sided = {"base": 0.2, "generated": result(0.95, confusion=[[95, 0, 0], [5, 0, 0]])}
    assert "On a, `generated` gives answer number 1 to 97% of the rows; it is the right one for 50%." in said(
        evaluation("a", stuck)
    )
    assert "answer number" not in said(evaluation("a", fair))
    assert "answer number" not in said(evaluation("a", one_sided))


def test_spread():
    seeds = {"base": 0.2, "generated": result(0.9, seeds=3, std_over_seeds=0.02)}
    text = said(evaluation("a", {"base": 0.2, "generated": 0.9}), evaluation("b", seeds))
    assert "between draws of prompts 0.011 at most (a) and between decoder seeds 0.020 at most (b)" in text


def test_nothing_generated():
    assert findings([evaluation("a", {"base": 0.2})]) == [
        "Nothing generated was evaluated: there is nothing to say about the method."
    ]


@pytest.mark.parametrize(("value", "text"), [(0.0251, "+0.025"), (-0.0001, "0.000"), (0.0, "0.000"), (-0.2, "-0.200")])
def test_differences_have_a_sign(value, text):
    assert signed(value) == text
