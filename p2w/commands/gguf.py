"""The adapter as a GGUF file, which llama.cpp loads beside the base model's."""

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  p2w gguf mine -o mine.gguf
  llama-cli -m base.gguf --lora mine.gguf
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("adapter", type=Path, metavar="FOLDER", help="of an adapter in PEFT's format")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the GGUF file to write")
    parser.add_argument("--base", metavar="FOLDER", help="base model, where it is not where the adapter says")


def work(args: argparse.Namespace) -> None:
    """Convert and write."""
    from p2w.using.adapter import Adapter
    from p2w.using.bases import base_of
    from p2w.using.gguf_adapter import write_gguf_adapter

    adapter = Adapter.from_pretrained(args.adapter)
    write_gguf_adapter(adapter, base_of(adapter, args.base), args.output)
    print(f"{args.output}: llama-cli -m BASE.gguf --lora {args.output}")
