"""The benchmarks are scripts of a folder of their own, whose modules these tests import."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.experiment_world import small_results

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Their folder, from which modules are imported."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return BENCHMARKS


@pytest.fixture
def results(tiny_base_model, tmp_path) -> Any:
    """What an experiment of five tasks has made, with random adapters."""
    return small_results(tiny_base_model, tmp_path)
