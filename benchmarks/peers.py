"""Against what a user would pick instead, on a real model and the same work: transformers' Trainer with PEFT,
lm-evaluation-harness, sentence-transformers.

The model is SmolLM2-135M-Instruct, which `make env-dev` brings as it does the peers; the rows are those of the pocket
world, or for fine-tuning the samples of an experiment. What both find is compared. Prints one line of JSON.
"""

import argparse
import importlib.metadata
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from measure import POCKET, PROJECT, claim, in_turns, parser, report, start
from peer_adapters import generating, loading
from peer_embeddings import embeddings
from peer_harness import scoring
from peer_trainer import finetuning
from transformers.utils import logging

from p2w.base.package_model import write_package_model
from p2w.config.base_model import BaseModel
from p2w.config.suites import load_tasks
from p2w.config.yaml_files import read_yaml
from p2w.data.samples import read_samples, render_samples
from p2w.pocket.tables import pocket_table

TASK, FORMAT = "openbookqa", "bracket_letter"
SMOLLM2 = PROJECT / "config/experiments/smollm2_pocket.yaml"
PACKAGES = ("transformers", "peft", "lm_eval", "sentence-transformers")


def model_in(folder: str, name: str, dtype: str) -> BaseModel:
    """SmolLM2, dequantised into a folder, or the pocket base model, which tests take."""
    if name == "pocket":
        return BaseModel(path=str(POCKET), dtype=dtype)
    write_package_model(BaseModel(**read_yaml(SMOLLM2)["base_model"]), Path(folder) / "model")
    return BaseModel(path=str(Path(folder) / "model"), dtype=dtype)


def rows_of(task: str, answers: str, count: int) -> pd.DataFrame:
    """Labelled samples of a task of the pocket world, in a format of its answers."""
    entries = load_tasks(PROJECT / "config/tasks")
    table = pocket_table(task, "train", count, seed=0)
    return render_samples(task, entries.entry(task)[0], entries.formats[answers], table, "train")


def measured(args: argparse.Namespace, base: BaseModel, place: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The claims, and what says whether both ways found the same."""
    claims, same, rows = [], {}, rows_of(args.task, args.format, args.rows)
    trained = read_samples(args.samples).head(args.rows) if args.samples else rows
    given_to = {finetuning: trained, scoring: rows, loading: rows, generating: rows, embeddings: rows}
    for peer, given in given_to.items():
        found = peer(base, given, argparse.Namespace(**vars(args), place=place))
        taken, results = in_turns(found.ways, args.runs, warm_up=found.warm_up)
        claims += [claim(what, taken, *names, target, per=per) for what, names, target, per in found.claims]
        same |= found.compare(results)
    return claims, same


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parser(__doc__, threads=2, rows=32, batch=16, adapters=4, scored=12)
    options.add_argument("--model", choices=("smollm2", "pocket"), default="smollm2")
    options.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    options.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa", help="of the Trainer's model")
    options.add_argument("--task", default=TASK)
    options.add_argument("--format", default=FORMAT, help="of answers; words are one token here")
    options.add_argument("--samples", type=Path, help="a train.parquet of results/{experiment}/samples to fine-tune on")
    args = options.parse_args(argv)
    start(args)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        claims, same = measured(args, model_in(folder, args.model, args.dtype), Path(folder))
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    report("peers", args, claims, versions=versions, **same)


if __name__ == "__main__":
    main()
