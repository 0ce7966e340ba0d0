"""Parquet files carry their own explanation and appear whole."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from p2w.runtime.tables import read_metadata, read_table, write_table

METADATA = {"config": {"rate": 0.1, "name": "Drücken"}, "inputs": [], "seed": None}


@pytest.mark.parametrize("kind", ["arrow", "pandas"])
def test_table_and_metadata_return(tmp_path: Path, kind: str) -> None:
    columns = {"id": ["a", "b"], "choices": [["x"], ["y", "z"]], "number": [1, None]}
    table = pa.table(columns) if kind == "arrow" else pd.DataFrame(columns).astype({"number": "Int64"})
    write_table(tmp_path / "deep/x.parquet", table, METADATA)
    assert read_table(tmp_path / "deep/x.parquet").to_pydict() == columns
    assert read_metadata(tmp_path / "deep/x.parquet") == METADATA
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.parquet"]


def test_other_metadata_stays_and_ours_is_replaced(tmp_path: Path) -> None:
    table = pa.table({"x": [1]}).replace_schema_metadata({"huggingface": "{}", "p2w": '{"old": 1}'})
    write_table(tmp_path / "x.parquet", table, {"new": 1})
    assert read_metadata(tmp_path / "x.parquet") == {"new": 1}
    assert pq.read_schema(tmp_path / "x.parquet").metadata[b"huggingface"] == b"{}"


def test_the_same_table_is_the_same_file(tmp_path: Path) -> None:
    for name, metadata in (("a", {"x": 1, "y": 2}), ("b", {"y": 2, "x": 1})):
        write_table(tmp_path / name, pd.DataFrame({"x": ["one", None]}), metadata)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_folder_named_like_a_partition_is_not_read_as_one(tmp_path: Path) -> None:
    write_table(tmp_path / "task=arc" / "x.parquet", pa.table({"x": [1]}), {})
    assert read_table(tmp_path / "task=arc" / "x.parquet").column_names == ["x"]


def test_metadata_is_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_table(tmp_path / "x.parquet", pa.table({"x": [1]}), {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []
