"""An adapter that no generator made: the average of the training adapters, or the nearest task's own."""

from pathlib import Path

from p2w.runtime.cli import Parser, command, paired
from p2w.controls.from_adapters import CONTROLS, write_control


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the control adapter."""
    parser.add_argument("--control", choices=CONTROLS, required=True)
    parser.add_argument("--tasks", nargs="+", required=True, help="the training tasks, in the order of the files")
    parser.add_argument("--adapters", nargs="+", type=Path, required=True, help="their adapters")
    parser.add_argument("--embeddings", nargs="*", type=Path, default=[], help="their prompt embeddings")
    parser.add_argument("--target", type=Path, nargs="?", help="the held-out task's prompt embeddings")
    parser.add_argument("--output", type=Path, required=True, help="the adapter_model.safetensors to write")
    args = parser.parse_args()
    adapters = paired("--tasks", args.tasks, "--adapters", [path.parent for path in args.adapters])
    embeddings = paired("--tasks", args.tasks, "--embeddings", args.embeddings) if args.target else {}
    write_control(args.control, adapters, embeddings, args.target, args.output.parent)
