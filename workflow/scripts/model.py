"""Bring a model from the Hub into the client's cache, at its pinned revision."""

from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.data.hub.models import download_model


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the model's manifest."""
    parser.add_argument("--hub", required=True, help="owner/name")
    parser.add_argument("--revision", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    download_model(args.hub, args.revision, args.output)
