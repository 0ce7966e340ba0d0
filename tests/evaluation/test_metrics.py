"""Metrics by hand-counted examples."""

import pandas as pd
import pytest

from p2w.evaluation.metrics import (
    average,
    confusion,
    majority,
    score,
    spread,
    spread_over_draws,
    spread_over_seeds,
    wilson,
)
from tests.support.answer_tables import likelihoods


def answers(gold, prediction, choice, text="", **columns):
    rows = {"choices": 3, "gold": gold, "response": [f"[{'ABC'[i]}]" for i in gold], "text": text}
    scores = likelihoods([[0.0] * 3] * len(gold))
    return pd.DataFrame({**rows, "prediction": prediction, "choice": choice, **scores, **columns})


def test_score_counts_invalid_answers_as_wrong():
    result = score(answers([0, 1, 2, 0, 1], [0, -1, 1, -1, 1], [0, 1, 2, 0, 0]))
    assert result["accuracy"] == pytest.approx(2 / 5)
    assert result["valid"] == pytest.approx(3 / 5)
    assert result["accuracy_when_valid"] == pytest.approx(2 / 3)
    assert result["choice_accuracy"] == pytest.approx(4 / 5)
    assert result["ci95"] == wilson(2 / 5, 5)


def test_score_without_a_valid_answer():
    result = score(answers([0, 1], [-1, -1], [0, 0]))
    assert (result["accuracy"], result["valid"], result["accuracy_when_valid"]) == (0, 0, 0)


HARNESS = [  # likelihoods without the end of the turn, characters, what acc and acc_norm choose
    ([-3.0, -2.0, -4.0], [3, 3, 3], 1, 1),
    ([-3.0, -2.0, -4.0], [6, 1, 2], 1, 0),
    ([-2.0, -2.0, -2.0], [1, 2, 2], 0, 1),
    ([-2.0, -3.0, 0.0], [1, 3, 0], 0, 1),
]


@pytest.mark.parametrize(("sums", "characters", "acc", "acc_norm"), HARNESS)
def test_acc_is_by_sum_and_acc_norm_by_character_the_first_of_equals(sums, characters, acc, acc_norm):
    found = [score(answers([gold], [0], [0], **likelihoods([sums], [characters]))) for gold in range(3)]
    assert [result["acc"] for result in found] == [gold == acc for gold in range(3)]
    assert [result["acc_norm"] for result in found] == [gold == acc_norm for gold in range(3)]


def test_option_text_is_scored_where_it_was_asked_for():
    assert "choice_text_accuracy" not in score(answers([0, 1], [0, 1], [0, 1]))
    assert score(answers([0, 1, 2], [0, 1, 2], [0, 1, 2], choice_text=[0, 2, 1]))["choice_text_accuracy"] == 1 / 3


def test_official_accuracy_reads_the_texts_and_not_the_predictions():
    result = score(answers([0, 1, 2, 2], [-1, -1, -1, 2], [0] * 4, text=["(A)", " B", "[3]", "C"]))
    assert (result["official"], result["accuracy"]) == (0.75, 0.25)


def test_confusion_has_a_list_per_gold_position_and_ends_with_the_invalid():
    table = answers([0, 0, 0, 1, 1, 2], [0, 0, 1, -1, 0, -1], [0] * 6)
    assert confusion(table) == [[2, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]]


def test_confusion_has_room_for_choices_that_nobody_took():
    assert confusion(answers([0], [0], [0], choices=[2])) == [[1, 0, 0], [0, 0, 0]]


def test_majority_is_what_always_answering_the_same_would_give():
    assert majority(answers([2, 0, 2, 1, 2], [0] * 5, [0] * 5)) == {"label": 2, "accuracy": 0.6}
    assert majority(answers([1, 0], [0, 0], [0, 0])) == {"label": 0, "accuracy": 0.5}


def test_wilson_interval_matches_published_values():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81/263 and 0/20.
    assert wilson(81 / 263, 263) == pytest.approx([0.2553, 0.3662], abs=5e-5)
    assert wilson(0, 20) == pytest.approx([0, 0.1611], abs=5e-5)


@pytest.mark.parametrize("n", [1, 20, 200, 1172])
def test_wilson_interval_holds_its_share(n):
    for share in (0.0, 1 / n, 1.0):
        low, high = wilson(share, n)
        assert 0 <= low <= share <= high <= 1


def test_average_is_over_adapters_with_the_interval_of_the_rows():
    scores = [score(answers([0, 1], [0, 1], [0, 1])), score(answers([0, 1], [0, -1], [0, 0]))]
    result = average(scores, 2)
    assert result["accuracy"] == pytest.approx(0.75)
    assert result["adapters"] == 2
    assert result["ci95"] == pytest.approx(wilson(0.75, 2))
    assert result["confusion"] == [[2, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]


def test_spread_is_the_sample_standard_deviation():
    assert spread([0.1, 0.2, 0.3]) == pytest.approx(0.1)
    assert spread([0.7]) == 0


def test_spread_over_draws_is_within_a_seed_and_over_seeds_between_their_means():
    by_seed = [[0.1, 0.3], [0.5, 0.9]]
    assert spread_over_draws(by_seed) == pytest.approx(((0.02 + 0.08) / 2) ** 0.5)
    assert spread_over_seeds(by_seed) == pytest.approx(0.5 / 2**0.5)
    assert spread_over_draws([[0.1, 0.2, 0.3]]) == pytest.approx(0.1)
    assert spread_over_seeds([[0.1], [0.2], [0.3]]) == pytest.approx(0.1)
