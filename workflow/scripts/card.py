"""Write the model card of a generated adapter."""

from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.report.cards import CardInputs, write_card


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the card."""
    parser.add_argument("--source", required=True, help="the adapter's name in the predictions: generated/draw_0")
    parser.add_argument("--adapter", type=Path, required=True, help="its folder")
    parser.add_argument("--generator-run", type=Path, required=True, help="run.json of the generator that made it")
    parser.add_argument("--embeddings", type=Path, required=True, help="the held-out task's prompt embeddings")
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    inputs = CardInputs(args.adapter, args.generator_run, args.embeddings, args.evaluation, args.predictions)
    write_card(args.source, inputs, args.output)
