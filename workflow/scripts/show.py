"""Print the table of an evaluation file or a summary; `--compare` says whether a document has the same one."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.report.evaluations import read_evaluation
from p2w.report.summary import evaluation_table


def compare(lines: Sequence[str], document: Path, tolerance: float) -> None:
    """Print that a document has the table after the first empty line; ValueError names what it lacks."""
    table = list(takewhile(bool, lines[lines.index("") + 1 :]))
    known = [_parts(line) for line in document.read_text().split("\n")]
    other = [line for line in table if not any(_alike(_parts(line), found, tolerance) for found in known)]
    if other:
        raise ValueError(f"{document}: found {len(other)} of {len(table)} lines to be others, expected {other[0]!r}")
    print(f"{document} has these {len(table)} lines")


def _parts(line: str) -> tuple[list[str], list[float]]:
    """The words of a line without its numbers, and these."""
    return re.sub(r"\d+\.\d+", "#", line).split(), list(map(float, re.findall(r"\d+\.\d+", line)))


def _alike(one: tuple[list[str], list[float]], other: tuple[list[str], list[float]], tolerance: float) -> bool:
    same = one[0] == other[0]
    return same and all(abs(a - b) <= tolerance + 1e-9 for a, b in zip(one[1], other[1], strict=True))


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and print the table, or compare it."""
    parser.add_argument("file", type=Path, help="results/{experiment}/evaluation/{held_out}.json, or its summary.md")
    parser.add_argument("--compare", type=Path, metavar="DOCUMENT")
    parser.add_argument("--tolerance", type=float, default=0.0, help="another processor rounds otherwise")
    args = parser.parse_args()
    text = args.file.read_text() if args.file.suffix == ".md" else evaluation_table(read_evaluation(args.file))
    if args.compare is None:
        print(text)
    else:
        compare(text.split("\n"), args.compare, args.tolerance)
