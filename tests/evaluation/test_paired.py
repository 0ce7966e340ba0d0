"""A known difference is found, none is not; intervals cover as often as they say; McNemar by hand."""

import time
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from p2w.evaluation.paired import bootstrap_interval, compare, majority_right, mcnemar


def one(*right):
    """A source with a single adapter."""
    return np.array(right, dtype=bool)[None, None]


def random_pair(generator, rows, ours, theirs, draws=5):
    """Right answers of two sources that find the same rows hard; (1, draws, rows) each."""
    hard = generator.random(rows)
    return tuple((generator.random((1, draws, rows)) + hard) / 2 < share for share in (ours, theirs))


def test_by_hand():
    result = compare(one(1, 1, 1, 1, 0, 1), one(0, 0, 1, 0, 1, 1), seed=0)
    assert result["difference"] == pytest.approx(2 / 6)
    assert (result["generated_only"], result["other_only"], result["n"]) == (3, 1, 6)
    assert result["mcnemar_p"] == pytest.approx(2 * (1 + 4) / 16)
    assert set(result) == {"difference", "ci95", "mcnemar_p", "generated_only", "other_only", "n"}


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_sum_of_all_splits_at_least_as_uneven(b, c):
    n = b + c
    uneven = sum(comb(n, k) for k in range(n + 1) if abs(2 * k - n) >= abs(b - c))
    assert mcnemar(b, c) == pytest.approx(uneven / 2**n)


def test_mcnemar_of_many_rows():
    assert 0 <= mcnemar(100, 3000) < 1e-300
    assert mcnemar(5000, 5042) == pytest.approx(0.68, abs=0.01)  # normal approximation: 2 * Φ(-41 / √10042)


def test_a_row_is_right_for_a_source_if_most_of_its_adapters_are_and_a_tie_is_wrong():
    draws = np.array([[[1, 1, 0, 0], [1, 0, 1, 0]], [[1, 1, 0, 0], [1, 0, 0, 0]]], dtype=bool)
    assert majority_right(draws).tolist() == [True, False, False, False]
    assert majority_right(draws[:1]).tolist() == [True, False, False, False]
    assert majority_right(one(1, 0)).tolist() == [True, False]


def test_a_known_difference_is_detected():
    ours, theirs = random_pair(np.random.default_rng(0), 200, 0.7, 0.5)
    result = compare(ours, theirs, seed=0)
    assert result["difference"] > 0.2
    assert result["ci95"][0] > 0.15
    assert result["mcnemar_p"] < 1e-6
    back = compare(theirs, ours, seed=0)
    assert back["difference"] == pytest.approx(-result["difference"])
    assert back["ci95"][1] < -0.15
    assert back["mcnemar_p"] == result["mcnemar_p"]
    assert (back["generated_only"], back["other_only"]) == (result["other_only"], result["generated_only"])


def test_identical_sources_do_not_differ():
    ours, _ = random_pair(np.random.default_rng(0), 200, 0.7, 0.5)
    result = compare(ours, ours, seed=0)
    assert (result["difference"], result["mcnemar_p"]) == (0, 1)
    assert result["ci95"] == pytest.approx([0, 0])


def test_other_draws_of_the_same_generator_do_not_differ():
    ours, theirs = random_pair(np.random.default_rng(1), 200, 0.6, 0.6)
    result = compare(ours, theirs, seed=0)
    assert result["ci95"][0] < 0 < result["ci95"][1]
    assert result["mcnemar_p"] > 0.05


def coverage(simulate, truth, times=300):
    """Share of simulated comparisons whose interval holds the true difference."""
    generator = np.random.default_rng(5)
    intervals = [bootstrap_interval(*simulate(generator), seed=i, resamples=500) for i in range(times)]
    return np.mean([low <= truth <= high for low, high in intervals])


def test_intervals_cover_the_difference_of_two_adapters():
    def simulate(generator):
        return random_pair(generator, 150, 0.6, 0.5, draws=1)

    # The true shares: P((u + v) / 2 < s) for uniform u, v is 1 - 2(1 - s)² above one half.
    assert coverage(simulate, truth=0.68 - 0.5) == pytest.approx(0.95, abs=0.03)


def test_intervals_cover_the_difference_of_generators_whose_draws_differ():
    def simulate(generator):
        ours, theirs = (
            share + 0.08 * generator.standard_normal((1, draws, 1)) for share, draws in ((0.6, 10), (0.5, 10))
        )
        return generator.random((1, 10, 300)) < ours, generator.random((1, 10, 300)) < theirs

    assert coverage(simulate, truth=0.1) == pytest.approx(0.95, abs=0.04)


def test_intervals_cover_the_difference_of_methods_whose_decoders_differ():
    def simulate(generator):
        ours = 0.6 + 0.08 * generator.standard_normal((10, 1, 1))
        # The same decoders on other prompts: what is good for one source is good for the other.
        return generator.random((10, 3, 200)) < ours, generator.random((10, 3, 200)) < ours - 0.1

    assert coverage(simulate, truth=0.1, times=150) > 0.9
    width = np.subtract(*bootstrap_interval(*simulate(np.random.default_rng(0)), seed=0)[::-1])
    assert width < 0.1  # 0.14 if each source resampled its decoders by itself


def test_same_seed_same_interval():
    pair = random_pair(np.random.default_rng(0), 50, 0.7, 0.5)
    assert bootstrap_interval(*pair, seed=1) == bootstrap_interval(*pair, seed=1)
    assert bootstrap_interval(*pair, seed=1) != bootstrap_interval(*pair, seed=2)


def test_rows_are_resampled_in_pieces_that_do_not_show(monkeypatch):
    pair = random_pair(np.random.default_rng(0), 50, 0.7, 0.5)
    whole = bootstrap_interval(*pair, seed=1)
    monkeypatch.setattr("p2w.evaluation.paired._AT_ONCE", 70)
    assert bootstrap_interval(*pair, seed=1) == pytest.approx(whole)


shapes = st.tuples(st.integers(1, 3), st.integers(1, 4))


@given(st.data(), shapes, shapes, st.integers(1, 12))
def test_any_two_sources(data, ours, theirs, rows):
    first, second = (data.draw(arrays(bool, (*shape, rows))) for shape in (ours, theirs))
    result = compare(first, second, seed=0, resamples=50)
    low, high = result["ci95"]
    assert -1 <= result["difference"] <= 1
    assert -1 - 1e-9 <= low <= high <= 1 + 1e-9
    assert 0 < result["mcnemar_p"] <= 1
    assert result["generated_only"] + result["other_only"] <= rows == result["n"]


def test_sources_that_were_never_wrong_and_never_right():
    result = compare(np.ones((2, 3, 20), dtype=bool), np.zeros((1, 1, 20), dtype=bool), seed=0)
    assert result["difference"] == 1
    assert result["ci95"] == pytest.approx([1, 1])


def test_other_rows_or_axes():
    with pytest.raises(ValueError, match="found 3 and 2 rows, expected the same rows"):
        compare(one(1, 1, 1), one(1, 1), seed=0)
    with pytest.raises(ValueError, match=r"other: found shape \(2,\), expected \(seeds, draws, rows\)"):
        compare(one(1, 1), one(1, 1)[0, 0], seed=0)


def test_fast_enough_for_every_source_of_every_task():
    pair = random_pair(np.random.default_rng(0), 200, 0.7, 0.5)
    took = []
    for _ in range(5):
        start = time.process_time()
        compare(*pair, seed=0)
        took.append(time.process_time() - start)
    assert min(took) < 0.05
