"""Fetch one split of a dataset: its own columns, unchanged."""

from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.config.locations import Location
from p2w.config.settings import json_argument
from p2w.config.sources import Source
from p2w.data.raw import fetch_raw


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the raw table with its manifest."""
    parser.add_argument("--source", type=json_argument(Source), required=True, help="the source, as JSON")
    parser.add_argument("--task", required=True)
    parser.add_argument("--location", type=json_argument(Location), required=True, help="its rows and splits, as JSON")
    parser.add_argument("--split", required=True, help="the dataset's own name of the split")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--questions", action="store_true", help="read each row as a question")
    args = parser.parse_args()
    fetch_raw(args.source, args.task, args.location, args.split, args.output, args.questions)
