"""Fit a generator in closed form on the centroids of all tasks but those that are held out, if any."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.config.generator import GeneratorConfig
from p2w.config.settings import json_argument
from p2w.generators.fitting import fit_without


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and fit."""
    parser.add_argument("--generator", type=json_argument(GeneratorConfig), required=True, help="settings, as JSON")
    parser.add_argument("--num-prompts", type=at_least(1), required=True, help="prompts that an adapter is made from")
    parser.add_argument("--held-out", nargs="+", default=(), help="the tasks that it must not have seen")
    parser.add_argument("--centroids", type=Path, nargs="+", required=True, help="of the training tasks")
    parser.add_argument("--output", type=Path, required=True, help="the generator.safetensors to write")
    args = parser.parse_args()
    fit_without(args.held_out, args.generator, args.num_prompts, args.centroids, args.output)
