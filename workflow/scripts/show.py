"""Print an evaluation file as a table, with how to read it."""

from collections.abc import Sequence
from pathlib import Path

from p2w.report.evaluations import read_evaluation
from p2w.report.summary import evaluation_table
from p2w.runtime.cli import Parser, run


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and print the table."""
    parser = Parser(description=__doc__)
    parser.add_argument("evaluation", type=Path, help="results/{experiment}/evaluation/{held_out}.json")
    print(evaluation_table(read_evaluation(parser.parse_args(argv).evaluation)))


if __name__ == "__main__":
    run(main)
