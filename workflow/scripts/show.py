"""Print the table of an evaluation file or a summary; `--compare` says whether a document has the same one."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from p2w.report.evaluations import read_evaluation
from p2w.report.summary import evaluation_table
from p2w.runtime.cli import Parser, command


def compare(lines: Sequence[str], document: Path) -> None:
    """Print that a document has the table after the first empty line; ValueError names what it lacks."""
    table = list(takewhile(bool, lines[lines.index("") + 1 :]))
    known = set(document.read_text().split("\n"))
    if other := [line for line in table if line not in known]:
        found = f"other numbers in {len(other)} of {len(table)} lines"
        raise ValueError(f"{document}: found {found}, expected {other[0]!r}")
    print(f"{document} has these {len(table)} lines")


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and print the table, or compare it."""
    parser.add_argument("file", type=Path, help="results/{experiment}/evaluation/{held_out}.json, or its summary.md")
    parser.add_argument("--compare", type=Path, nargs="+", default=[], metavar="DOCUMENT")
    args = parser.parse_args()
    text = args.file.read_text() if args.file.suffix == ".md" else evaluation_table(read_evaluation(args.file))
    if not args.compare:
        print(text)
    for document in args.compare:
        compare(text.split("\n"), document)
