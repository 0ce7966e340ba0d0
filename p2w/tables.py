"""Parquet files that carry their own explanation: a `p2w` JSON object in the schema's metadata."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from p2w.files import atomic_path

METADATA_KEY = b"p2w"


def write_table(path: str | Path, table: pa.Table | pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Write `table` with `metadata` (JSON values) beside the schema; the file appears whole."""
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    kept = {key: value for key, value in (table.schema.metadata or {}).items() if key != METADATA_KEY}
    encoded = json.dumps(metadata, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
    table = table.replace_schema_metadata({**kept, METADATA_KEY: encoded})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)


def read_table(path: str | Path) -> pa.Table:
    """Read a parquet file; ValueError names the file when it is not whole or not parquet."""
    with _readable(path):
        return pq.read_table(path, partitioning=None)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The `p2w` metadata of a parquet file; ValueError when it is damaged or P2W did not write it."""
    with _readable(path):
        metadata = pq.read_schema(path).metadata or {}
    if METADATA_KEY not in metadata:
        raise ValueError(f"{path}: no {METADATA_KEY.decode()!r} metadata; it was not written by P2W")
    return json.loads(metadata[METADATA_KEY])


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    """Turn what pyarrow says about a damaged file into an error that names it."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (pa.ArrowInvalid, OSError) as error:  # OSError: how pyarrow reports data that does not decompress
        raise ValueError(f"{path}: not a readable parquet file ({error}); remove it and run again") from error
