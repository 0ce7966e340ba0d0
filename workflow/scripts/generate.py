"""Generate adapters, each from a random batch of the held-out task's prompts."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.generators.generating import generate_adapters


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and generate."""
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--embeddings", type=Path, required=True, help="of the held-out task's train prompts")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--draw", type=at_least(0), nargs="+", required=True, help="which batches of prompts, from 0")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="an adapter_model.safetensors for each")
    args = parser.parse_args()
    outputs = paired("--draw", args.draw, "--output", args.output)
    generate_adapters(args.generator, args.embeddings, args.seed, outputs)
