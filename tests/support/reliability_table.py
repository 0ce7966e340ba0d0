"""Put the counts of a reliability run (`pytest -m reliability --tally FILE`) into the table of docs/reliability.md."""

import argparse
import datetime
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from p2w.runtime.files import read_json, write_text
from p2w.runtime.provenance import versions

DOCUMENT = Path("docs/reliability.md")
TABLE = re.compile("(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.DOTALL)
# Kind of a count: what was tried, what holding means.
KINDS = {
    "kills": ("a stage killed at a random moment and started again", "ends with the bytes of an undisturbed run"),
    "bad inputs": ("a bad input", "one clear line, nothing written, earlier results as they were"),
    "network faults": ("a fault of the network or the Hub", "the right file after all, or one clear line"),
    "SLURM jobs": ("a job on a real SLURM", "done, with a GPU if and only if its rule asks for one"),
    "reruns avoided": ("a change that must not matter", "nothing is planned again"),
    "exact reruns": ("a change that matters", "exactly what depends on it is planned again"),
}


def table(counts: dict[str, dict[str, int]]) -> str:
    """A row per kind; ValueError when kinds are missing or unknown."""
    if set(counts) != set(KINDS):
        raise ValueError(f"counts: found {sorted(counts)}, expected {sorted(KINDS)}")
    rows = ["| tried | how often | held | what holding means |", "|---|---:|---:|---|"]
    for kind, (tried, meaning) in KINDS.items():
        rows.append(f"| {tried} | {counts[kind]['tried']} | {counts[kind]['held']} | {meaning} |")
    return "\n".join(rows) + "\n"


def origin() -> str:
    """When and with what the counts were made."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    found = versions()
    libraries = f"Python {found['python']}, torch {found['torch']}"
    day = datetime.datetime.now(datetime.UTC).date()
    return f"\n{day}, commit {commit.strip()}, {os.cpu_count()} CPU cores, {libraries}.\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Rewrite the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tally", type=Path)
    content = "\n" + table(read_json(parser.parse_args(argv).tally)) + origin() + "\n"
    text, replaced = TABLE.subn(lambda _: content, DOCUMENT.read_text(encoding="utf-8"))
    if replaced != 1:
        raise ValueError(f"{DOCUMENT}: found {replaced} places for the table, expected one")
    write_text(DOCUMENT, text)


if __name__ == "__main__":
    main()
