"""Bring a model from the Hub into the client's cache, at its pinned revision."""

from collections.abc import Sequence
from pathlib import Path

from p2w.data.hub.models import download_model
from p2w.runtime.cli import Parser, run


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and write the model's manifest."""
    parser = Parser(description=__doc__)
    parser.add_argument("--hub", required=True, help="owner/name")
    parser.add_argument("--revision", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args(argv)
    download_model(args.hub, args.revision, args.output)


if __name__ == "__main__":
    run(main)
