"""The base model with the adapter in its weights: one model that transformers opens, without PEFT."""

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  p2w merge mine -o my_model
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("adapter", type=Path, metavar="FOLDER", help="of an adapter in PEFT's format")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL", help="folder of the new model")
    parser.add_argument("--base", metavar="FOLDER", help="base model, where it is not where the adapter says")


def work(args: argparse.Namespace) -> None:
    """Merge and write."""
    from p2w.using.adapter import Adapter
    from p2w.using.bases import base_of
    from p2w.using.merging import merge

    adapter = Adapter.from_pretrained(args.adapter)
    merge(adapter, base_of(adapter, args.base), args.output)
    print(f"{args.output}: AutoModelForCausalLM.from_pretrained({str(args.output)!r})")
