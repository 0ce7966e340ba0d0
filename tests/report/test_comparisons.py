"""Comparisons over several tasks: the mean difference, and an interval that follows from those of the tasks."""

import numpy as np
import pytest

from p2w.report.comparisons import Difference, of_task, over_tasks
from tests.support.evaluations import evaluation


def test_one_task_is_as_the_file_says():
    found = of_task(evaluation("a", {"generated": 0.9, "base": 0.5}), "base")
    assert found == Difference(pytest.approx(0.4), pytest.approx((0.36, 0.44)))
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
    assert over_tasks([file], "trained_mean") == Difference(pytest.approx(0.1), None)
    assert over_tasks([file], "trained_mean").sign == 0
