"""Gather the snapshots of a task's epochs into one table, one row per checkpoint; or those of several tasks, each."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, divided, paired
from p2w.adapters.checkpoints import write_checkpoints
from p2w.runtime.provenance import provenance


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the tables."""
    parser.add_argument("--task", nargs="+", required=True)
    parser.add_argument(
        "--epochs", type=Path, nargs="+", required=True, help="snapshots.safetensors of each task's epochs"
    )
    parser.add_argument("--first-epoch", type=at_least(1), default=1, help="leave out the epochs before this one")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="the table of each task")
    args = parser.parse_args()
    epochs = divided("--task", args.task, "--epochs", args.epochs)
    for task, output in paired("--task", args.task, "--output", args.output).items():
        record = provenance("checkpoints", {"task": task, "first_epoch": args.first_epoch}, epochs[task])
        write_checkpoints(output, task, [path.parent for path in epochs[task]], record, args.first_epoch)
