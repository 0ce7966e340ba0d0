"""Write settings, training tasks and model card beside a generator that was fitted on all tasks."""

from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.config.base_model import BaseModel
from p2w.config.settings import json_argument
from p2w.using.describing import describe_generator


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write."""
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="the base model, as JSON")
    parser.add_argument("--embeddings", type=Path, nargs="+", required=True, help="of every training task")
    parser.add_argument("--samples", type=Path, nargs="+", required=True, help="{task}/train.parquet of each")
    args = parser.parse_args()
    describe_generator(args.generator, args.experiment, args.base_model, args.embeddings, args.samples)
