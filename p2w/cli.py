"""The command line `p2w`: from prompts to an adapter, and what one does with it then."""

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from p2w.runtime.cli import Parser, run
from p2w import __version__

COMMANDS = ("generate", "ask", "evaluate", "explain", "merge", "gguf", "serve")
EXAMPLES = """\
examples:
  p2w generate examples/prompts.txt -o mine
  p2w ask mine "Is it true that a fish can swim?"
  p2w generate --help
"""


def main(argv: Sequence[str] | None = None, prog: str = "p2w") -> None:
    """Parse the command line and do what it asks for."""
    plain = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = Parser(argv, prog=prog, description=__doc__, epilog=EXAMPLES, **plain)
    parser.add_argument("--version", action="version", version=f"p2w {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"p2w.commands.{name}")
        about = module.__doc__ or ""
        command = commands.add_parser(name, help=about.rstrip("."), description=about, epilog=module.EXAMPLES, **plain)
        module.add_options(command)
        command.set_defaults(work=module.work)
    args = parser.parse_args()
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of libraries, for their programmers
            args.work(args)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def start() -> None:
    """What `p2w` runs."""
    run(main)
