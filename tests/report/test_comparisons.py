"""Comparisons over several tasks: the mean difference, and an interval that follows from those of the tasks."""

import numpy as np
import pytest

from p2w.evaluation.metrics import wilson
from p2w.report.comparisons import Mean, accuracy_over_tasks, of_task, over_tasks
from tests.support.evaluations import evaluation


def test_one_task_is_as_the_file_says():
    found = of_task(evaluation("a", {"generated": 0.9, "base": 0.5}), "base")
    assert found == Mean(pytest.approx(0.4), pytest.approx((0.36, 0.44)))
    assert found.sign == 1


def test_mean_over_tasks_narrows_with_their_number():
    tasks = [
        evaluation(name, {"generated": 0.9, "base": accuracy})
        for name, accuracy in zip("abcd", (0.5, 0.7, 0.6, 0.8), strict=True)
    ]
    found = over_tasks(tasks, "base")
    assert (found.mean, found.tasks) == (pytest.approx(0.25), 4)
    assert found.interval == pytest.approx((0.23, 0.27))


def test_interval_of_the_mean_covers_as_often_as_it_says():
    rng, n, tasks, z = np.random.default_rng(0), 400, 5, 1.959964
    truth, covered = 0.1, 0
    for _ in range(500):
        files = []
        for task in range(tasks):
            differences = rng.choice([-1, 0, 1], size=n, p=[0.1, 0.7, 0.2])
            file = evaluation(str(task), {"generated": 0.5, "base": 0.4})
            half = z * differences.std(ddof=1) / n**0.5
            mean = differences.mean()
            file["comparisons"]["base"] |= {"difference": mean, "ci95": [mean - half, mean + half]}
            files.append(file)
        low, high = over_tasks(files, "base").interval
        covered += low <= truth <= high
    assert 0.92 <= covered / 500 <= 0.98


@pytest.mark.parametrize(("difference", "sign"), [(0.05, 1), (0.03, 0), (-0.03, 0), (-0.05, -1)])
def test_sign_only_where_the_interval_excludes_zero(difference, sign):
    assert over_tasks([evaluation("a", {"generated": 0.5, "base": 0.5 - difference})], "base").sign == sign


def test_tasks_without_the_source_do_not_count():
    files = [evaluation("a", {"generated": 0.9, "constant": 0.8}), evaluation("b", {"generated": 0.1})]
    assert over_tasks(files, "constant").mean == pytest.approx(0.1)
    assert over_tasks(files, "multi_task") is None


def test_no_interval_without_a_comparison():
    file = evaluation("a", {"generated": 0.9, "trained_mean": 0.8})
    assert over_tasks([file], "trained_mean") == Mean(pytest.approx(0.1), None)
    assert over_tasks([file], "trained_mean").sign == 0


def test_other_tasks_may_differ_more_than_other_rows():
    gains = (0.1, 0.2, 0.3)
    found = over_tasks([evaluation(str(gain), {"generated": 0.5, "base": 0.5 - gain}) for gain in gains], "base")
    # Student's: 0.2 +- 4.3027 (two degrees of freedom) x 0.1 / sqrt(3)
    assert found.over_tasks == pytest.approx((0.2 - 0.248415, 0.2 + 0.248415), abs=1e-5)
    assert found.p == pytest.approx(2 / 2**3)  # no other choice of signs gives as much, to either side
    assert found.interval == pytest.approx((0.2 - 0.04 / 3**0.5, 0.2 + 0.04 / 3**0.5))


@pytest.mark.parametrize(("gains", "p"), [([0.1] * 8, 2 / 256), ([0.1, -0.1], 1.0), ([0.3, 0.2, -0.1], 4 / 8)])
def test_p_over_tasks_counts_signs(gains, p):
    files = [evaluation(str(i), {"generated": 0.5, "base": 0.5 - gain}) for i, gain in enumerate(gains)]
    assert over_tasks(files, "base").p == pytest.approx(p)


def test_many_tasks_have_a_p_that_does_not_change():
    files = [evaluation(str(i), {"generated": 0.5, "base": 0.5 - (i - 12) / 100}) for i in range(30)]
    assert 0 < over_tasks(files, "base").p < 0.2
    assert over_tasks(files, "base") == over_tasks(files, "base")


def test_one_task_says_nothing_about_others():
    found = accuracy_over_tasks([evaluation("a", {"generated": 0.9})], "generated")
    assert (found.over_tasks, found.p, found.tasks) == (None, None, 1)
    assert found.interval == pytest.approx(wilson(0.9, 100))
