"""Train the decoder on the checkpoints and prompts of all tasks but those that are held out, if any."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.config.decoder import DecoderConfig
from p2w.config.settings import json_argument
from p2w.generators.held_out import train_without


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and train."""
    parser.add_argument("--decoder", type=json_argument(DecoderConfig), required=True, help="the decoder, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--held-out", nargs="+", default=(), help="the tasks that it must not have seen")
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True)
    parser.add_argument("--embeddings", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True, help="the decoder.safetensors to write")
    parser.add_argument("--state", type=Path, help="file that an interrupted run goes on from")
    args = parser.parse_args()
    train_without(args.held_out, args.decoder, args.seed, args.checkpoints, args.embeddings, args.output, args.state)
