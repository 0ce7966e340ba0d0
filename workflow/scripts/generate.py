"""Generate one adapter from a random batch of the held-out task's prompts."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.generators.generating import generate_adapter


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and generate."""
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--embeddings", type=Path, required=True, help="of the held-out task's train prompts")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--draw", type=at_least(0), required=True, help="which batch of prompts, counted from 0")
    parser.add_argument("--output", type=Path, required=True, help="the adapter_model.safetensors to write")
    args = parser.parse_args()
    generate_adapter(args.generator, args.embeddings, args.seed, args.draw, args.output)
