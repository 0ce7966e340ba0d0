"""Dequantise the base model that a Python package brings, once, into a folder of a model."""

from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.base.package_model import write_package_model
from p2w.config.base_model import BaseModel
from p2w.config.settings import json_argument


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the model's files."""
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="the base model, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write")
    args = parser.parse_args()
    write_package_model(args.base_model, args.output)
