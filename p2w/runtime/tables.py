"""Parquet files that carry their own explanation: a `p2w` JSON object in the schema's metadata, and a seal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from p2w.runtime.files import atomic_path
from p2w.runtime.seals import BLANK, SEAL, Sealed, Span, check_seal, stamp

if TYPE_CHECKING:
    import pandas as pd

METADATA_KEY = b"p2w"
END = b"PAR1"
# Numbers that neither repeat nor compress: plain pages are several times faster to write and to read, and no larger.
PLAIN = {"use_dictionary": False, "compression": "none", "write_statistics": False}


def _footer(file: BinaryIO, size: int) -> Span:
    """The footer, its length (4 bytes) and the magic letters; ValueError when the file does not end with them."""
    file.seek(max(0, size - 8))
    length, end = file.read(4), file.read(4)
    if end != END:
        raise ValueError("not parquet, or cut off")
    return size - 8 - int.from_bytes(length, "little"), size


# Thrift's compact protocol: the key, the type of the next field (a string), its length as a varint.
TABLES = Sealed(_footer, SEAL.encode() + b"\x18" + bytes([0x80 | len(BLANK) % 128, len(BLANK) // 128]))


@contextmanager
def table_writer(
    path: str | Path, schema: pa.Schema, metadata: dict[str, Any], **options: Any
) -> Iterator[pq.ParquetWriter]:
    """A writer of tables with `metadata` (JSON values) beside the schema; the file appears whole at the end."""
    encoded = json.dumps(metadata, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
    kept = {key: value for key, value in (schema.metadata or {}).items() if key not in (METADATA_KEY, SEAL.encode())}
    schema = schema.with_metadata({**kept, METADATA_KEY: encoded})
    with atomic_path(path) as temporary:
        # A sink of its own: on a full disk the writer itself would leave the file open, and its space taken.
        with pa.OSFile(str(temporary), "wb") as sink, pq.ParquetWriter(sink, schema, **options) as writer:
            yield writer
            writer.add_key_value_metadata({SEAL: BLANK})
        stamp(temporary, TABLES)


def write_table(path: str | Path, table: "pa.Table | pd.DataFrame", metadata: dict[str, Any], **options: Any) -> None:
    """Write `table` with `metadata` (JSON values) beside the schema, in pages as `options` say; it appears whole."""
    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(table, preserve_index=False)
    with table_writer(path, table.schema, metadata, **options) as writer:
        writer.write_table(table.replace_schema_metadata(writer.schema.metadata))


def read_table(path: str | Path) -> pa.Table:
    """Read what `write_table` wrote; DamagedFileError when it is not as P2W wrote it."""
    check_seal(path, TABLES)
    return pq.read_table(path, partitioning=None)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The `p2w` metadata of a parquet file; DamagedFileError when it is not as P2W wrote it. Reads no rows."""
    check_seal(path, TABLES, whole=False)
    return json.loads(pq.read_schema(path).metadata[METADATA_KEY])


def read_foreign_table(path: str | Path) -> pa.Table:
    """Read any parquet file; ValueError names it when it is not whole or not parquet."""
    try:
        with open(path, "rb") as file:
            _footer(file, file.seek(0, 2))
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
        table.validate(full=True)
        if repeated := [name for name in table.column_names if table.column_names.count(name) > 1]:
            raise ValueError(f"found column {repeated[0]!r} more than once")
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    # OSError: how pyarrow reports data that does not decompress; the others, what it does not know.
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ValueError(f"{path}: not a readable parquet file ({error})") from error
    return table
