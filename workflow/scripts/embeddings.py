"""Encode the prompts of a task, or of several one after the other, each once."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import PromptSelection
from p2w.config.settings import json_argument
from p2w.prompts.embeddings import embed_prompts
from p2w.prompts.encoder import encode_when_needed
from p2w.runtime.device import best_device


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the embeddings."""
    parser.add_argument("--encoder", type=json_argument(PromptEncoder), required=True, help="the encoder, as JSON")
    parser.add_argument("--prompts", type=json_argument(PromptSelection), required=True, help="which prompts, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--task", nargs="+", required=True)
    parser.add_argument("--samples", type=Path, nargs="+", required=True, help="theirs, in the order of the tasks")
    parser.add_argument("--cache", type=Path, required=True, help="folder of embedding segments, shared by all tasks")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="a file for each task")
    parser.add_argument("--state", type=Path, nargs="*", help="for each output what an interrupted run goes on from")
    args = parser.parse_args()
    samples, outputs = (
        paired("--task", args.task, *given) for given in (("--samples", args.samples), ("--output", args.output))
    )
    states = paired("--task", args.task, "--state", args.state or [None] * len(args.task))
    encode = encode_when_needed(args.encoder, str(best_device()))
    for task in args.task:
        recipe = args.encoder, args.prompts, args.seed, task
        embed_prompts(*recipe, samples[task], args.cache, outputs[task], states[task], encode)
