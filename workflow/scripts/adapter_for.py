"""Make an adapter from a file of prompts, with the generator of an experiment that held nothing out."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.using.from_file import generate_from_file


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and generate."""
    parser.add_argument("--generator", type=Path, required=True, help="its generator.safetensors")
    parser.add_argument("--prompts", type=Path, required=True, help="a file of prompts; a txt file has one per line")
    parser.add_argument("--seed", type=at_least(0), required=True, help="of which prompts are taken, if not all are")
    parser.add_argument("--output", type=Path, required=True, help="the adapter_model.safetensors to write")
    args = parser.parse_args()
    generate_from_file(args.generator, args.prompts, args.seed, args.output)
