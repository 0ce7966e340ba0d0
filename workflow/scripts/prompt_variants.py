"""Embed the held-out task's prompts with their words shuffled, and prompts of random words: for controls."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import PromptSelection
from p2w.config.settings import json_argument
from p2w.prompts.variants import embed_variants


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and embed."""
    parser.add_argument("--encoder", type=json_argument(PromptEncoder), required=True, help="the encoder, as JSON")
    parser.add_argument("--prompts", type=json_argument(PromptSelection), required=True, help="which prompts, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--held-out", required=True)
    parser.add_argument("--samples", type=Path, required=True, help="the held-out task's train split")
    parser.add_argument("--training-samples", type=Path, nargs="+", required=True, help="where random words come from")
    parser.add_argument("--cache", type=Path, required=True, help="folder of encoded prompts")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args()
    embed_variants(
        args.encoder,
        args.prompts,
        args.seed,
        args.held_out,
        args.samples,
        args.training_samples,
        args.cache,
        args.output,
    )
