"""All evaluations of an experiment as csv, markdown and one HTML page."""

from pathlib import Path

from p2w.runtime.cli import Parser, command, paired
from p2w.report.summary import write_summary


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the summary."""
    parser.add_argument("--evaluations", nargs="+", type=Path, required=True)
    parser.add_argument("--predictions", nargs="*", type=Path, default=[], help="those that were counted, to resample")
    parser.add_argument("--published", type=Path, required=True, help="the paper's numbers")
    parser.add_argument("--figures", nargs="*", type=Path, default=[], help="images to show")
    parser.add_argument("--captions", nargs="*", type=Path, default=[], help="a text for each of them, in order")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    parser.add_argument("--html", type=Path, required=True)
    args = parser.parse_args()
    figures = paired("--figures", args.figures, "--captions", args.captions)
    write_summary(args.evaluations, args.csv, args.markdown, args.html, args.published, figures, args.predictions)
