"""Write the mean adapter and the mean prompt of a task, or of several, for generators in closed form."""

from pathlib import Path

from p2w.runtime.cli import Parser, command, paired
from p2w.generators.centroids import write_centroid


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write."""
    parser.add_argument("--checkpoints", type=Path, nargs="+", required=True, help="of each task")
    parser.add_argument("--embeddings", type=Path, nargs="+", required=True, help="theirs, in the order of the tasks")
    parser.add_argument("--output", type=Path, nargs="+", required=True, help="the file of each task to write")
    args = parser.parse_args()
    prompts = paired("--checkpoints", args.checkpoints, "--embeddings", args.embeddings)
    outputs = paired("--checkpoints", args.checkpoints, "--output", args.output)
    for checkpoints, embeddings in prompts.items():
        write_centroid(checkpoints, embeddings, outputs[checkpoints])
