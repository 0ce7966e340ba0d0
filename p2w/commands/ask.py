"""A question, answered by the base model and by the adapted one, side by side."""

import argparse
import sys
from pathlib import Path

from p2w.runtime.cli import at_least

WIDTH = 9  # of the column that says whose answer it is
EXAMPLES = """\
examples:
  p2w ask mine "Is it true that a fish can swim? Answer with yes or no."
  p2w ask mine "$(cat question.txt)" --tokens 100
  p2w ask mine - < question.txt
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("adapter", type=Path, metavar="FOLDER", help="of an adapter in PEFT's format")
    parser.add_argument("question", help="as the user says it, or - for standard input")
    parser.add_argument("--system", help="system prompt; of a generated adapter that of the nearest training task")
    parser.add_argument("--tokens", type=at_least(1), default=64, help="of an answer at most (default 64)")
    parser.add_argument("--base", metavar="FOLDER", help="base model, where it is not where the adapter says")


def work(args: argparse.Namespace) -> None:
    """Ask both."""
    from p2w.using.adapter import Adapter
    from p2w.using.asking import ask, system_of
    from p2w.using.bases import base_of

    adapter = Adapter.from_pretrained(args.adapter)
    question = sys.stdin.read() if args.question == "-" else args.question
    if not question.strip():
        raise ValueError("question: found nothing, expected a text")
    system = system_of(adapter) if args.system is None else args.system
    answers = ask(adapter, base_of(adapter, args.base), question.strip("\n"), system, args.tokens)
    for name, answer in zip(("base", "adapted"), answers, strict=True):
        print(f"{name:<{WIDTH}}" + answer.replace("\n", "\n" + " " * WIDTH))
