"""Metrics by hand-counted examples."""

import pandas as pd
import pytest

from p2w.metrics import average, score, spread, wilson


def answers(gold, prediction, choice):
    return pd.DataFrame({"gold": gold, "prediction": prediction, "choice": choice})


def test_score_counts_invalid_answers_as_wrong():
    result = score(answers([0, 1, 2, 0, 1], [0, -1, 1, -1, 1], [0, 1, 2, 0, 0]))
    assert result["accuracy"] == pytest.approx(2 / 5)
    assert result["valid"] == pytest.approx(3 / 5)
    assert result["accuracy_when_valid"] == pytest.approx(2 / 3)
    assert result["choice_accuracy"] == pytest.approx(4 / 5)


def test_score_without_a_valid_answer():
    result = score(answers([0, 1], [-1, -1], [0, 0]))
    assert (result["accuracy"], result["valid"], result["accuracy_when_valid"]) == (0, 0, 0)


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


def test_spread_is_the_sample_standard_deviation():
    assert spread([0.1, 0.2, 0.3]) == pytest.approx(0.1)
    assert spread([0.7]) == 0
