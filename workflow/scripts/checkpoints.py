"""Gather the snapshots of a task's epochs into one table, one row per checkpoint."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.adapters.checkpoints import write_checkpoints
from p2w.runtime.provenance import provenance


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the table."""
    parser.add_argument("--task", required=True)
    parser.add_argument("--epochs", type=Path, nargs="+", required=True, help="snapshots.safetensors of every epoch")
    parser.add_argument("--first-epoch", type=at_least(1), default=1, help="leave out the epochs before this one")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    record = provenance("checkpoints", {"task": args.task, "first_epoch": args.first_epoch}, args.epochs)
    write_checkpoints(args.output, args.task, [path.parent for path in args.epochs], record, args.first_epoch)
