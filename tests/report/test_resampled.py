"""The summary's comparison in which tasks, seeds, draws and rows are resampled, from predictions on disk."""

import pandas as pd
import pytest

from p2w.report.resampled import resample, resampled_section
from p2w.runtime.tables import write_table

ROWS = 6


def answers(source, right):
    """Free answers of one adapter to a few rows."""
    ids = [f"row {number}" for number in range(ROWS)]
    given = {"response": "yes", "text": "yes", "ended": True, "valid": True, "right": list(right)}
    return pd.DataFrame({"source": source, "id": ids, **given})


def write(path, **others):
    """Predictions of a generator with two seeds, one further generator and the sources that are given."""
    tables = [answers(f"generated/seed_{seed}/draw_0", [True] * ROWS) for seed in (0, 1)]
    tables += [answers("ridge/draw_0", [True, False] * (ROWS // 2)), answers("trained/boolq", [True] * ROWS)]
    tables += [answers(name, right) for name, right in others.items()]
    write_table(path, pd.concat(tables, ignore_index=True), {})
    return path


@pytest.fixture
def paths(tmp_path):
    wrong = [False] * ROWS
    first = write(tmp_path / "a.predictions.parquet", base=wrong, multi_task=wrong)
    return [first, write(tmp_path / "b.predictions.parquet", base=wrong)]


def test_every_generator_is_compared_with_what_two_tasks_have(paths):
    found = resample(paths, seed=0)
    assert {name: set(others) for name, others in found.items()} == {
        "generated": {"ridge", "base"},
        "ridge": {"generated", "base"},
    }
    against = found["generated"]["base"]
    assert (against.mean, against.interval, against.tasks) == (1.0, (1.0, 1.0), 2)
    assert found["generated"]["ridge"].mean == pytest.approx(0.5)
    assert found["ridge"]["generated"].mean == pytest.approx(-0.5)


def test_the_section_has_a_row_for_each_source_and_three_columns_for_each_generator(paths):
    title, rows, words = resampled_section(resample(paths, seed=0))
    assert title == "### Tasks, seeds, draws and rows at once"
    assert "| source | `generated` minus it | 95 % | p | `ridge` minus it | 95 % | p |" in rows
    assert "| base | +1.000 | +1.000 to +1.000 | < 0.001 | +0.500 |" in rows
    assert "| ridge | +0.500 |" in rows
    assert next(row for row in rows.splitlines() if row.startswith("| ridge")).endswith("| – | – | – |")
    assert "hierarchical bootstrap" in words


def test_one_task_has_no_such_section(paths):
    assert resampled_section(resample(paths[:1], seed=0)) == []
    assert resampled_section({}) == []
