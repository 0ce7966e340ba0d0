"""Slow tests share fixtures that take minutes: pytest-xdist must run a group of them in one process."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

pytestmark = pytest.mark.xdist_group("one")


@pytest.mark.parametrize("number", range(8))
def test_where(worker_id, number):
    with open(worker_id, "a") as file:
        file.write("x")
"""


def test_a_group_stays_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "--numprocesses", "2", "--dist", "loadgroup", "--no-loadscope-reorder"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (worker,) = tmp_path.glob("gw*")
    assert worker.read_text() == "x" * 8
