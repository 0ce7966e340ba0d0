"""Encode the prompts of a task, each once."""

from pathlib import Path

from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import PromptSelection
from p2w.config.settings import json_argument
from p2w.prompts.embeddings import embed_prompts
from p2w.runtime.cli import Parser, at_least, command


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the embeddings."""
    parser.add_argument("--encoder", type=json_argument(PromptEncoder), required=True, help="the encoder, as JSON")
    parser.add_argument("--prompts", type=json_argument(PromptSelection), required=True, help="which prompts, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder of embedding segments, shared by all tasks")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--state", type=Path, help="file that an interrupted run goes on from")
    args = parser.parse_args()
    embed_prompts(args.encoder, args.prompts, args.seed, args.task, args.samples, args.cache, args.output, args.state)
