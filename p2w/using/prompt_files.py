"""Prompts from whatever people keep them in: a text with one per line, a table, JSON, standard input."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STDIN = "-"
COLUMNS = ("prompt", "question", "text", "instruction", "input")  # what a column of prompts is called, in this order
MOST_BYTES = 64 * 2**20


def read_prompts(path: str | Path, column: str | None = None) -> list[str]:
    """The prompts in a file, or on standard input for `-`, each once and in order.

    A txt file has one per line; the rows of a csv, tsv, json, jsonl, parquet or arrow file are texts, or have a column
    of them: `column`, or the first of COLUMNS, or the only one. Raises ValueError: none of that; names the file.
    """
    if str(path) == STDIN:
        return check_prompts(_lines("standard input", sys.stdin.buffer.read(MOST_BYTES + 1)), "standard input")
    path = Path(path)
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: found {path.stat().st_size} bytes, expected at most {MOST_BYTES} of prompts")
    if path.suffix in (".txt", ""):
        return check_prompts(_lines(str(path), path.read_bytes()), str(path))
    from p2w.data.tables import read_items

    return check_prompts(_texts(str(path), read_items(path), column), str(path))


def check_prompts(texts: Sequence[str], where: str = "prompts") -> list[str]:
    """Distinct texts in order; ValueError unless there is one, and each is a text with something in it."""
    if isinstance(texts, str):
        raise ValueError(f"{where}: found one text, expected a list of texts")
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{where}[{number}]: found {text!r}, expected a text with something in it")
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(f"{where}[{number}]: found half a character (a lone surrogate), expected valid Unicode")
    if not texts:
        raise ValueError(f"{where}: found no prompts, expected one or more")
    return list(dict.fromkeys(texts))


def _lines(where: str, data: bytes) -> list[str]:
    if len(data) > MOST_BYTES:
        raise ValueError(f"{where}: found more than {MOST_BYTES} bytes of prompts")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: not a text in UTF-8 (byte {error.start}); expected one prompt per line") from error
    if "\0" in text:
        raise ValueError(f"{where}: found a binary file, expected a text with one prompt per line")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _texts(where: str, items: Sequence[Any], column: str | None) -> list[str]:
    if all(isinstance(item, str) for item in items):
        return list(items)
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ValueError(f"{where}[{number}]: found {str(item)[:80]!r}, expected a text or a row with columns")
    column = _column(where, list(items[0]), column)
    return [item.get(column) for item in items]


def _column(where: str, names: Sequence[str], wanted: str | None) -> str:
    found = [name for name in ([wanted] if wanted else COLUMNS) if name in names] or (names if len(names) == 1 else [])
    if not found or (wanted and wanted not in names):
        expected = repr(wanted) if wanted else f"one of {', '.join(COLUMNS)}, or --column NAME"
        raise ValueError(f"{where}: found columns {', '.join(map(str, names))}; expected {expected}")
    return found[0]
