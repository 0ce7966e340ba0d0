"""Train a generator by what its adapters do, on checkpoints, prompts and samples of all tasks but those held out."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.config.base_model import BaseModel
from p2w.config.decoder import DecoderConfig
from p2w.config.generator import GeneratorConfig
from p2w.config.settings import json_argument
from p2w.generators.learning import learn_without


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and train."""
    parser.add_argument("--generator", type=json_argument(GeneratorConfig), required=True, help="settings, as JSON")
    parser.add_argument("--decoder", type=json_argument(DecoderConfig), help="of a kind that is one, as JSON")
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="the base model, as JSON")
    parser.add_argument("--num-prompts", type=at_least(1), required=True, help="prompts that an adapter is made from")
    parser.add_argument("--max-length", type=at_least(1), required=True, help="most tokens of a sample")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--held-out", nargs="+", default=(), help="the tasks that it must not have seen")
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True)
    parser.add_argument("--embeddings", type=Path, nargs="+", required=True)
    parser.add_argument("--tasks", nargs="+", required=True, help="the training tasks")
    parser.add_argument("--samples", type=Path, nargs="+", required=True, help="theirs, in the order of the tasks")
    parser.add_argument("--output", type=Path, required=True, help="the generator.safetensors to write")
    parser.add_argument("--state", type=Path, help="file that an interrupted run goes on from")
    args = parser.parse_args()
    samples = paired("--tasks", args.tasks, "--samples", args.samples)
    learn_without(args.held_out, args.generator, args.base_model, args.num_prompts, args.max_length, args.seed,
                  args.checkpoints, args.embeddings, samples, args.output, args.state, args.decoder)  # fmt: skip
