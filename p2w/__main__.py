"""python -m p2w explain FILE: what made an artifact, from what, and whether it still holds."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from p2w.runtime.cli import run
from p2w.runtime.explain import explain


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and print the lineage of each file."""
    parser = argparse.ArgumentParser(prog="python -m p2w", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    explaining = commands.add_parser("explain", help="print the lineage of artifacts")
    explaining.add_argument("files", nargs="+", type=Path, help="artifacts, or folders of adapters")
    args = parser.parse_args(argv)
    text = "\n\n".join(explain(path) for path in args.files)
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    run(main)
