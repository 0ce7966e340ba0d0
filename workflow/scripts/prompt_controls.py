"""Generate adapters from prompts that are not the held-out task's: shuffled, foreign and random ones."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.controls.from_generator import write_prompt_controls


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and generate."""
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--controls", nargs="+", required=True, help="names, in the order of the files")
    parser.add_argument("--embeddings", nargs="+", type=Path, required=True, help="of each draw each control's prompts")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--draw", type=at_least(0), nargs="+", required=True, help="which batches of prompts, from 0")
    parser.add_argument("--output", type=Path, required=True, help="the folder for {control}/draw_{draw}")
    args = parser.parse_args()
    drawn = [(draw, control) for draw in args.draw for control in args.controls]
    given = paired("--draw and --controls", drawn, "--embeddings", args.embeddings)
    prompts = {draw: {control: given[draw, control] for control in args.controls} for draw in args.draw}
    write_prompt_controls(args.generator, prompts, args.seed, args.output)
