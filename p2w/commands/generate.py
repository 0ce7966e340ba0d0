"""From a file of unlabeled prompts to an adapter, in PEFT's format."""

import argparse
import time
import warnings
from pathlib import Path

from p2w.runtime.cli import at_least
from p2w.runtime.progress import say

EXAMPLES = """\
examples:
  p2w generate prompts.txt -o mine                       # one prompt per line
  p2w generate questions.csv --column question -o mine   # csv, tsv, json, jsonl, parquet
  echo "Is ice cold? Answer yes or no." | p2w generate - -o mine
  p2w generate prompts.txt --generator results/pocket/generator -o mine
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("prompts", metavar="PROMPTS", help="a file of prompts, or - for standard input; one is enough")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="of the adapter")
    parser.add_argument("--column", help="that has the prompts, of a table")
    parser.add_argument(
        "--generator", default="pocket", help="`pocket` or `smollm2`, which come with P2W, a folder or an id on the Hub"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of which prompts are read where not all are")


def work(args: argparse.Namespace) -> None:
    """Generate, and say what the adapter was made of."""
    from transformers.utils import logging

    from p2w.using.adapter_card import facts_of
    from p2w.using.generator import Generator
    from p2w.using.prompt_files import read_prompts

    logging.disable_progress_bar()
    prompts = read_prompts(args.prompts, args.column)
    generator = Generator.from_pretrained(args.generator)
    generator.encode(prompts[:1])  # loads the encoder
    start = time.monotonic()
    with warnings.catch_warnings(action="ignore"):
        adapter = generator.generate(prompts, args.seed)
    adapter.save_pretrained(args.output)
    base = adapter.config["base_model_name_or_path"]
    print(f"{args.output}: an adapter for {base}, made in {time.monotonic() - start:.2f} s")
    *facts, told = [*facts_of(adapter.record), ""]
    print("".join(f"  {fact}\n" for fact in facts if not fact.startswith("warning: ")) + told, end="")
    print("  to beat: what the generator makes of no prompt, and the nearest training task's own adapter")
    print(f"  does it? p2w evaluate {args.output} --samples FILE")
    for warning in adapter.warnings:
        say(f"warning: {warning}")
