"""The benchmarks are scripts of a folder of their own, whose modules these tests import."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Their folder, from which modules are imported."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return BENCHMARKS
