"""What an adapter was made of; what made any artifact, from what, and whether it still holds."""

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  p2w explain mine
  p2w explain results/pocket/evaluation/arc_challenge.json
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("files", nargs="+", type=Path, help="folders of adapters and generators, or files of results/")


def work(args: argparse.Namespace) -> None:
    """Print the lineage of each."""
    from p2w.runtime.explain import explain

    print("\n\n".join("\n".join([explain(path), *(f"  {fact}" for fact in _facts(path))]) for path in args.files))


def _facts(path: Path) -> list[str]:
    """What the record of a generated adapter says of prompts and training tasks."""
    from p2w.runtime.files import read_json
    from p2w.runtime.provenance import RUN_FILE
    from p2w.using.adapter_card import facts_of

    record = path / RUN_FILE
    return facts_of(read_json(record)) if record.is_file() else []
