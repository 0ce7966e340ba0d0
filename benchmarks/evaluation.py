"""How long ten adapters of the pocket base model take on 100 test rows: together, one after another, each on its own.

Prints one line of JSON. Run from the project's folder: `python benchmarks/evaluation.py`.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from plain_scoring import answer_one, evaluate_alone, tokenized
from transformers.utils import logging

from p2w.adapters import LoraSettings, read_adapter, write_adapter
from p2w.base_model import BaseModel
from p2w.device import best_device
from p2w.evaluation import EvaluationConfig, predict
from p2w.lora import adapted, scaling
from p2w.pocket.tables import pocket_table
from p2w.progress import silent
from p2w.samples import render_samples
from p2w.tasks import load_tasks
from p2w.training import add_adapter, trainable

PROJECT = Path(__file__).parent.parent
TASK = "arc_challenge"
BATCH_TOKENS = 4096
BATCH_ROWS = 50  # of the plain ways: about as many tokens
SIZE = 0.05  # standard deviation of the adapters' values: enough to change what the model says, not to destroy it


def write_adapters(base: BaseModel, folder: Path, count: int) -> dict[str, Path]:
    """Random adapters of the pocket experiment's shape, the same at every run; source name to folder."""
    model, config = add_adapter(base.load(), LoraSettings(rank=4, alpha=8), base)
    folders = {}
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        tensors = {name: torch.randn(p.shape, generator=generator) * SIZE for name, p in trainable(model).items()}
        folders[f"adapter_{seed}"] = folder / str(seed)
        write_adapter(folder / str(seed), tensors, config)
    return folders


def texts(tokenizer, answers: Sequence[tuple[list[int], int]]) -> list[tuple[str, int]]:
    """Greedy texts with the positions of the likeliest responses."""
    return [(tokenizer.decode(ids, skip_special_tokens=True), choice) for ids, choice in answers]


def separately(base: BaseModel, samples: pd.DataFrame, adapters: Mapping[str, Path]) -> list[tuple[str, int]]:
    """Each adapter as an evaluation of its own."""
    found = [evaluate_alone(base, samples, folder, BATCH_ROWS) for folder in adapters.values()]
    return texts(base.tokenizer(), [answer for answers in found for answer in answers])


def one_by_one(base: BaseModel, samples: pd.DataFrame, adapters: Mapping[str, Path]) -> list[tuple[str, int]]:
    """Model and tokens once, then an adapter at a time."""
    tokenizer, model = base.tokenizer(), base.load()
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


PLAIN = {"separately": separately, "one_by_one": one_by_one}


def measure(
    ways: Mapping[str, Callable], arguments: Sequence, runs: int
) -> tuple[dict[str, dict[str, float]], dict[str, list]]:
    """Median seconds of each way by a clock, taken in turns so that a busy moment meets all; and what each way found.

    Processor time is there because it does not count the time that other processes have had.
    """
    clocks = {"seconds": time.perf_counter, "processor_seconds": time.process_time}
    taken: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in ways} for clock in clocks}
    found = {}
    for _ in range(runs):
        for name, way in ways.items():
            start = {clock: read() for clock, read in clocks.items()}
            found[name] = way(*arguments)
            for clock, read in clocks.items():
                taken[clock][name].append(read() - start[clock])
    medians = {clock: {name: statistics.median(all_) for name, all_ in by.items()} for clock, by in taken.items()}
    return medians, found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapters", type=int, default=10)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    best_device()
    logging.set_verbosity_error()
    base = BaseModel(path=str(PROJECT / "p2w/pocket/base_model"))
    task = load_tasks(PROJECT / "config/tasks.yaml").entry(TASK)
    samples = render_samples(TASK, *task, pocket_table(TASK, "test", args.rows, seed=0), "test")
    ways = PLAIN | {"together": together}
    with tempfile.TemporaryDirectory() as folder:
        adapters = write_adapters(base, Path(folder), args.adapters)
        measure(ways, (base, samples.head(8), dict(list(adapters.items())[:1])), runs=1)  # warm up
        taken, found = measure(ways, (base, samples, adapters), args.runs)
    result: dict = vars(args) | {clock: {n: round(value, 2) for n, value in by.items()} for clock, by in taken.items()}
    for clock, by in taken.items():
        result[f"times_as_fast_by_{clock}"] = {n: round(by[n] / by["together"], 2) for n in PLAIN}
    result["answers"] = len(found["together"])
    result["texts"] = len({text for text, _ in found["together"]})
    result["different_answers"] = {
        name: sum(a != b for a, b in zip(found[name], found["together"], strict=True)) for name in PLAIN
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
