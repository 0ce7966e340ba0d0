"""Hashes that files carry of themselves: a byte that changed, anywhere, is noticed when the file is read.

A table or a file of tensors has a head, which says what is in it, and a body. Its seal is the sha256 of the body and
that of the head with a blank where the seal stands. So what is said about a file can be trusted without reading all of
it, and reading all of it costs one more pass, at 1 to 2 GB/s. A JSON file has one more key, the hash of the others.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from p2w.runtime.files import DamagedFileError, read_json, sha256, write_json

SEAL = "p2w_sha256"
DIGITS = 64  # of one hash
BLANK = "0" * (2 * DIGITS)
PIECE = 2**20


Span = tuple[int, int]  # where the head of a file starts and stops


class Sealed(NamedTuple):
    """A kind of file: where its head is, given a file and its size, and what stands right before the seal in it."""

    head: Callable[[BinaryIO, int], Span]
    mark: bytes


def stamp(path: str | Path, kind: Sealed) -> None:
    """Put the seal of a file where its blank is."""
    with open(path, "r+b") as file:
        span, head, place = _read_head(file, kind)
        if head[place : place + len(BLANK)] != BLANK.encode():
            raise ValueError(f"{path}: found no blank for a seal")
        seal = _body_hash(file, span) + hashlib.sha256(head).hexdigest()
        file.seek(span[0] + place)
        file.write(seal.encode())


def check_seal(path: str | Path, kind: Sealed, whole: bool = True) -> None:
    """DamagedFileError unless the file, if it can be read, is as P2W wrote it; not `whole` looks at the head only."""
    with open(path, "rb") as file:
        try:
            span, head, place = _read_head(file, kind)
        except ValueError as error:
            raise DamagedFileError(path, f"not a file of P2W, or damaged ({error})", ours=False) from error
        found = head[place : place + len(BLANK)]
        blank = head[:place] + BLANK.encode() + head[place + len(BLANK) :]
        same = hashlib.sha256(blank).hexdigest().encode() == found[DIGITS:]
        if not same or (whole and _body_hash(file, span).encode() != found[:DIGITS]):
            raise DamagedFileError(path, "damaged, its content is not what was written")


def _read_head(file: BinaryIO, kind: Sealed) -> tuple[Span, bytes, int]:
    """Where the head is, its bytes, and where in them the seal starts; ValueError when there is none."""
    size = file.seek(0, 2)
    start, stop = kind.head(file, size)
    if not 0 <= start < stop <= size:
        raise ValueError("cut off")
    file.seek(start)
    head = file.read(stop - start)
    if head.count(kind.mark) != 1:
        raise ValueError("it carries no hash of itself")
    place = head.index(kind.mark) + len(kind.mark)
    if place + len(BLANK) > len(head):
        raise ValueError("cut off")
    return (start, stop), head, place


def _body_hash(file: BinaryIO, head: Span) -> str:
    """Hash of all bytes that are not in the head."""
    digest = hashlib.sha256()
    for start, stop in ((0, head[0]), (head[1], file.seek(0, 2))):
        file.seek(start)
        for first in range(start, stop, PIECE):
            digest.update(file.read(min(PIECE, stop - first)))
    return digest.hexdigest()


def write_record(path: str | Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its seal as the last key; the file appears whole."""
    write_json(path, {**value, SEAL: _record_hash(value)})


def read_record(path: str | Path, target: str | Path | None = None) -> dict[str, Any]:
    """What `write_record` wrote, without the seal; DamagedFileError when the file is not as written, or not of P2W.

    `target` is what to ask Snakemake for when it is damaged, if not the file itself.
    """
    try:
        value = read_json(path)
    except ValueError as error:
        raise DamagedFileError(path, str(error).removeprefix(f"{path}: "), target, ours=False) from error
    if not isinstance(value, dict) or SEAL not in value:
        raise DamagedFileError(path, "not a file of P2W, or damaged (it carries no hash of itself)", target, ours=False)
    seal = value.pop(SEAL)
    if seal != _record_hash(value):
        raise DamagedFileError(path, "damaged, its content is not what was written", target)
    return value


def check_files(record: str | Path, names: Iterable[str], target: str | Path | None = None) -> None:
    """DamagedFileError unless the files beside a record are those whose hashes it has under `files`."""
    hashes = read_record(record, target).get("files", {})
    for name in names:
        path = Path(record).with_name(name)
        if sha256(path) != hashes.get(name):
            reason = f"damaged, it is not the file that {Path(record).name} was written with"
            raise DamagedFileError(path, reason, target)


def _record_hash(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
