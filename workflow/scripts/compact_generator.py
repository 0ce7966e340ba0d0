"""Make a ridge generator small enough to ship with the package: few directions, in half precision or less.

python workflow/scripts/compact_generator.py --generator results/pocket_formats_ridge/generator \\
  --embeddings results/pocket_formats_ridge/embeddings/*.parquet --rank 10 --output p2w/pocket/generator
"""

import argparse
from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.using.compacting import PRECISIONS, write_compact


@command(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
def main(parser: Parser) -> None:
    """Parse the command line and write."""
    parser.add_argument("--generator", type=Path, required=True, help="folder of a ridge generator")
    parser.add_argument("--embeddings", type=Path, nargs="+", required=True, help="of every training task")
    parser.add_argument("--rank", type=at_least(1), required=True, help="directions that are kept")
    parser.add_argument("--precision", choices=list(PRECISIONS), default="float16", help="of the directions")
    parser.add_argument("--output", type=Path, required=True, help="folder of the small one")
    args = parser.parse_args()
    write_compact(args.generator, args.embeddings, args.rank, args.output, args.precision)
