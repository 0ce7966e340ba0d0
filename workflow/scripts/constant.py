"""Generate the adapter of the mean condition over the training tasks: the decoder without any prompt to read."""

from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.controls.from_generator import write_constant


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and generate."""
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--embeddings", nargs="+", type=Path, required=True, help="of the training tasks' prompts")
    parser.add_argument("--output", type=Path, required=True, help="the adapter_model.safetensors to write")
    args = parser.parse_args()
    write_constant(args.generator, args.embeddings, args.output.parent)
