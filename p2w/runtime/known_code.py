"""Hashes of stages' code while no file of the source changes: to find one takes half a second, and a plan needs all."""

import hashlib
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from p2w.runtime import code
from p2w.runtime.files import read_json, write_json

PLACE = Path(".snakemake/p2w_code.json")  # where a workflow works; elsewhere nothing is kept


def known_code_hash(stage: str) -> str:
    """`code_hash`, or what a process in this folder found for the same source before."""
    if not PLACE.parent.is_dir():
        return code.code_hash(stage)
    known = _known(PLACE.absolute(), source_digest())
    if stage not in known:
        known[stage] = code.code_hash(stage)
        with suppress(OSError):  # it only saves time
            write_json(PLACE, {"source": source_digest(), "hashes": known})
    return known[stage]


@cache
def source_digest() -> str:
    """sha256 over everything that a stage's code may consist of, to the byte, and Python's own version."""
    digest = hashlib.sha256(sys.version.encode())
    for folder in (code.PACKAGE, code.SCRIPTS):
        for path in sorted((code.ROOT / folder).rglob("*.py")):
            digest.update(f"\0{path.relative_to(code.ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def _known(place: Path, source: str) -> dict[str, str]:
    """Hashes by stage; none where they are of another source, or damaged."""
    try:
        found = read_json(place)
        return dict(found["hashes"]) if found["source"] == source else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
