"""How often the adapter is right on labelled samples, beside the base model and the adapters that it has to beat."""

import argparse
from pathlib import Path

from p2w.runtime.cli import at_least

SCORES = ("exact", "normalized", "number")
EXAMPLES = """\
examples:
  p2w evaluate mine --samples labelled.csv      # columns prompt and response, the exact texts
  p2w evaluate mine --samples choices.csv       # prompt, the answers on offer in a, b, c, and answer: which is right
  p2w evaluate mine --samples results/pocket_formats/samples/boolq.digit/test.parquet
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("adapter", type=Path, metavar="FOLDER", help="of an adapter in PEFT's format")
    parser.add_argument("--samples", type=Path, required=True, metavar="FILE", help="labelled, see below")
    parser.add_argument("--score", choices=SCORES, default="exact", help="of an answer without choices (default exact)")
    parser.add_argument("--rows", type=at_least(1), default=1000, help="at most, a seeded choice (default 1000)")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--tokens", type=at_least(1), default=64, help="of an answer at most (default 64)")
    parser.add_argument("--system", help="system prompt of samples that have none of their own")
    parser.add_argument("--generator", help="that made the adapter, where it is not where the adapter says")
    parser.add_argument("--base", metavar="FOLDER", help="base model, where it is not where the adapter says")


def work(args: argparse.Namespace) -> None:
    """Score all sources on the same rows."""
    from p2w.using.adapter import Adapter
    from p2w.using.asking import system_of
    from p2w.using.bases import base_of
    from p2w.using.scoring import controls_of, read_labelled, score_sources, scores_table

    adapter = Adapter.from_pretrained(args.adapter)
    system = system_of(adapter) if args.system is None else args.system
    samples = read_labelled(args.samples, system)
    sources = {"adapter": adapter, **controls_of(adapter, args.generator)}
    settings = {"most": args.rows, "seed": args.seed, "score": args.score, "max_new_tokens": args.tokens}
    print(scores_table(score_sources(base_of(adapter, args.base), samples, sources, **settings)))
