"""Tasks, seeds, draws and rows are all resampled: an interval covers as often as it says, and p is seldom small."""

import itertools

import numpy as np
import pytest

from p2w.evaluation.hierarchical import difference_over_tasks


def right(share, shape, seed=0):
    return np.random.default_rng(seed).random(shape) < share


def test_what_is_always_better_by_as_much_has_no_spread():
    pairs = [(np.ones((3, 2, 5), bool), np.zeros((1, 1, 5), bool))] * 4
    found = difference_over_tasks(pairs, seed=0, resamples=999)
    assert (found.mean, found.interval, found.p, found.tasks) == (1.0, (1.0, 1.0), 2 / 1000, 4)


def test_the_same_answers_are_no_difference():
    same = [(right(0.5, (2, 3, 7), n), right(0.5, (2, 3, 7), n)) for n in range(3)]
    found = difference_over_tasks(same, seed=0)
    assert (found.mean, found.interval, found.p) == (0.0, (0.0, 0.0), 1.0)


def test_tasks_are_resampled():
    """Two tasks won, one lost, each without doubt: all 27 choices of three of them are the means."""
    shares = (1.0, 1.0, -1.0)
    win, loss = np.ones((1, 1, 5), bool), np.zeros((1, 1, 5), bool)
    found = difference_over_tasks([(win, loss), (win, loss), (loss, win)], seed=0, resamples=20_000)
    means = [np.mean(chosen) for chosen in itertools.product(shares, repeat=3)]
    assert found.mean == pytest.approx(1 / 3)
    assert found.interval == (-1.0, 1.0)
    assert found.p == pytest.approx(2 * np.mean(np.array(means) <= 0), abs=0.02)


def test_seeds_are_resampled_in_common():
    """Of two seeds one is always right: alone on each task, the other half would be averaged away by many tasks."""
    ours = np.array([[[True] * 5], [[False] * 5]])
    theirs = np.zeros((1, 1, 5), bool)
    found = difference_over_tasks([(ours, theirs)] * 20, seed=0)
    assert found.interval == (0.0, 1.0)


@pytest.mark.parametrize("level", ["tasks", "seeds", "draws", "rows"])
def test_an_interval_covers_the_truth_as_often_as_it_says_whatever_varies(level):
    """Many experiments whose true difference is 0; what varies between them is one level alone."""
    tasks, seeds, draws, rows = 12, 8, 6, 24
    shape = {"tasks": (tasks, 1, 1, 1), "seeds": (1, seeds, 1, 1), "draws": (tasks, seeds, draws, 1)}
    generator, covered, repeats = np.random.default_rng(1), 0, 150
    for repeat in range(repeats):
        moved = generator.normal(0, 0.15, shape[level]) if level in shape else 0.0
        ours = generator.random((tasks, seeds, draws, rows)) < 0.5 + moved
        theirs = np.tile([True, False], rows // 2)[None, None]
        found = difference_over_tasks([(one, theirs) for one in ours], seed=repeat, resamples=300)
        covered += found.interval[0] <= 0 <= found.interval[1]
    assert covered / repeats > {"tasks": 0.85, "seeds": 0.8, "draws": 0.9, "rows": 0.9}[level]


def test_one_task_cannot_speak_of_others():
    with pytest.raises(ValueError, match="found 1 tasks, expected at least 2 to resample"):
        difference_over_tasks([(right(0.5, (1, 1, 3)), right(0.5, (1, 1, 3)))], seed=0)


def test_sources_of_unequal_seeds_and_tasks_of_unequal_rows():
    pairs = [(right(0.8, (3, 2, 40 + n), n), right(0.3, (1, 1, 40 + n), 9 + n)) for n in range(5)]
    found = difference_over_tasks(pairs, seed=0)
    assert found.interval[0] < found.mean < found.interval[1]
    assert found.p < 0.01
    assert found == difference_over_tasks(pairs, seed=0)
