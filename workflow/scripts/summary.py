"""All evaluations of an experiment as one csv and one markdown file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from p2w.cli import run
from p2w.summary import write_summary


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", nargs="+", type=Path, required=True)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    args = parser.parse_args(argv)
    write_summary(args.evaluations, args.csv, args.markdown)


if __name__ == "__main__":
    run(main)
