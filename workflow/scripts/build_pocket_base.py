"""Build the pocket base model: its tokenizer, its weights, and the record of how they came to be.

python workflow/scripts/build_pocket_base.py --output p2w/pocket/base_model
"""

import argparse
import sys
from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.pocket.builder.build import build_base_model


@command(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
def main(parser: Parser) -> None:
    """Parse the command line and build."""
    parser.add_argument("--output", type=Path, required=True, help="folder of the model")
    parser.add_argument("--tasks", type=Path, default=Path("config/tasks/common_sense.yaml"), help="the task table")
    parser.add_argument("--work-dir", type=Path, help="keeps the weights after each phase; a rerun resumes from them")
    parser.add_argument("--seed", type=at_least(0), default=0)
    args = parser.parse_args()
    build_base_model(
        args.output,
        args.tasks,
        seed=args.seed,
        work_dir=args.work_dir,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
