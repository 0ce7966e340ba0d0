"""How long ten adapters of the pocket base model take on 100 test rows: together, one after another, each on its own.

Prints one line of JSON. Run from the project's folder: `python benchmarks/evaluation.py`.
"""

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from full_size_counts import model_flops
from measure import POCKET, PROJECT, claim, flops_peak, in_turns, parser, report, start
from plain_scoring import answer_one, evaluate_alone, tokenized
from transformers import AutoConfig
from transformers.utils import logging

from p2w.adapters.peft_folder import read_adapter, write_adapter
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.lora_stack import adapted, scaling
from p2w.config.base_model import BaseModel
from p2w.config.evaluation import EvaluationConfig
from p2w.config.lora import LoraSettings
from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.evaluation.evaluate import predict
from p2w.finetuning.adapted_base import load_adapted
from p2w.pocket.tables import pocket_table
from p2w.runtime.progress import silent

TASK = "arc_challenge"
BATCH_TOKENS = 4096
BATCH_ROWS = 50  # of the plain ways: about as many tokens
SIZE = 0.05  # standard deviation of the adapters' values: enough to change what the model says, not to destroy it


def write_adapters(base: BaseModel, folder: Path, count: int) -> dict[str, Path]:
    """Random adapters of the pocket experiment's shape, the same at every run; source name to folder."""
    adapted = load_adapted(base, LoraSettings(rank=4, alpha=8))
    folders = {}
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        tensors = {name: torch.randn(p.shape, generator=generator) * SIZE for name, p in adapted.tensors.items()}
        folders[f"adapter_{seed}"] = folder / str(seed)
        write_adapter(folder / str(seed), tensors, adapted.adapter_config)
    return folders


def texts(tokenizer, answers: Sequence[tuple[list[int], int]]) -> list[tuple[str, int]]:
    """Greedy texts with the positions of the likeliest responses."""
    return [(tokenizer.decode(ids, skip_special_tokens=True), choice) for ids, choice in answers]


def separately(base: BaseModel, samples: pd.DataFrame, adapters: Mapping[str, Path]) -> list[tuple[str, int]]:
    """Each adapter as an evaluation of its own."""
    found = [evaluate_alone(base, samples, folder, BATCH_ROWS) for folder in adapters.values()]
    return texts(load_tokenizer(base), [answer for answers in found for answer in answers])


def one_by_one(base: BaseModel, samples: pd.DataFrame, adapters: Mapping[str, Path]) -> list[tuple[str, int]]:
    """Model and tokens once, then an adapter at a time."""
    tokenizer, model = load_tokenizer(base), load_model(base)
    rows, found = tokenized(tokenizer, samples), []
    for folder in adapters.values():
        tensors, config = read_adapter(folder)
        with adapted(model, tensors, scaling(config)):
            found += answer_one(model, rows, BATCH_ROWS, tokenizer.pad_token_id, tokenizer.eos_token_id)
    return texts(tokenizer, found)


def together(base: BaseModel, samples: pd.DataFrame, adapters: Mapping[str, Path]) -> list[tuple[str, int]]:
    """As P2W evaluates; the base model's own answers, which come with it, are timed and left out."""
    config = EvaluationConfig(max_rows=len(samples), batch_tokens=BATCH_TOKENS)
    table = predict(base, samples, adapters, config, torch.device("cpu"), silent)
    table = table[table["source"] != "base"]
    return list(zip(table["text"], table["choice"], strict=True))


WAYS = {"separately": separately, "one_by_one": one_by_one, "together": together}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parser(__doc__, threads=2, adapters=10, rows=100).parse_args(argv)
    start(args)
    logging.set_verbosity_error()
    base = BaseModel(path=str(POCKET))
    task = load_tasks(PROJECT / "config/tasks").entry(TASK)
    samples = render_samples(TASK, *task, pocket_table(TASK, "test", args.rows, seed=0), "test")
    with tempfile.TemporaryDirectory() as folder:
        adapters = write_adapters(base, Path(folder), args.adapters)
        ways = {name: partial(way, base, samples, adapters) for name, way in WAYS.items()}
        for way in WAYS.values():
            way(base, samples.head(8), dict(list(adapters.items())[:1]))
        taken, found = in_turns(ways, args.runs, warm_up=False)
    lengths = [len(prompt) for prompt, _ in tokenized(load_tokenizer(base), samples)]
    flops = args.adapters * model_flops(AutoConfig.from_pretrained(POCKET), lengths, len(lengths))
    wrong = {name: sum(a != b for a, b in zip(found[name], found["together"], strict=True)) for name in WAYS}
    report(
        "evaluation",
        args,
        [
            claim(
                "adapters evaluated, against each on its own", taken, "together", "separately", 3, flops / flops_peak()
            ),
            claim("the same, against one after the other", taken, "together", "one_by_one", 1),
        ],
        answers=len(found["together"]),
        texts=len({text for text, _ in found["together"]}),
        different_answers=wrong,
    )


if __name__ == "__main__":
    main()
