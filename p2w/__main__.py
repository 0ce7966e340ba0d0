"""python -m p2w: the command line `p2w`."""

from collections.abc import Sequence

from p2w.runtime.cli import run
from p2w import cli


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and do what it asks for."""
    cli.main(argv, prog="python -m p2w")


if __name__ == "__main__":
    run(main)
