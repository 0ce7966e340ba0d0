"""A Hub on this machine for the tests of the raw stage."""

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.hub_server import HubServer, point_client, serving
from tests.support.network_cases import TABLE as FILE
from tests.support.toy_dataset import ROWS, TOKEN


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in the Hub's layout with one dataset."""
    path = tmp_path / "hub" / "owner/toy" / FILE
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS).replace_schema_metadata({"huggingface": "{}"}), path)
    return tmp_path / "hub"


@pytest.fixture
def hub(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub that serves `root`, and the client pointed at it with an empty cache and a token."""
    with serving(root) as server:
        point_client(monkeypatch, server.url, tmp_path / "cache")
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, without waiting."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds
