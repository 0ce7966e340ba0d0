"""How accuracy on the same held-out tasks grows with the number of training tasks, by generator and for one adapter.

    python benchmarks/growth.py pocket_formats --sizes 4 8 16 24 --subsets 3 --figure growth.png

reads the results of an experiment, its samples, checkpoints and embeddings. For every size training tasks are drawn,
the same for all; where the size is all of them there is one subset. Each generator learns from these tasks alone, and
is asked for all held-out tasks; one adapter is the average of theirs, another is trained on their samples together,
with the budget of a single task, and a third (`multi_task_long`) on all of these samples, as long as their adapters
together. Prints one line of JSON: accuracy over the held-out tasks, by source, size and subset; and with `--by-task`
for each held-out task, the mean of the subsets.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import torch
from experiment_results import Results, add_arguments, find_results
from torch import Tensor

from p2w.adapters.peft_folder import read_adapter
from p2w.config.generator import KINDS, GeneratorConfig
from p2w.data.samples import read_samples
from p2w.finetuning.multi_task import train_multi_task
from p2w.generators.generating import read_condition
from p2w.generators.generator_file import load_generator
from p2w.generators.held_out import train_without
from p2w.report.figure_style import drawing, line_style
from p2w.runtime.progress import reporter

T = TypeVar("T")
Scores = Mapping[str, Mapping[str, float]]  # accuracy by source and held-out task
Found = dict[str, dict[int, list[Mapping[str, float]]]]  # accuracy by held-out task of each subset, by source and size
Curves = Mapping[str, Mapping[int, Sequence[float]]]  # accuracy of each subset by source and size


@dataclass(frozen=True)
class Subset:
    """Some of an experiment's training tasks, and what is made of them for those that it holds out."""

    results: Results
    tasks: list[str]
    seed: int

    def learn(self, kind: str, output: Path) -> None:
        """Write the generator of a kind that learned from these tasks."""
        results, experiment = self.results, self.results.experiment
        config = experiment.by_kind.get(kind) or GeneratorConfig(kind=kind)
        held_out = results.held_out
        if kind == "hyperconv":
            paths = (results.checkpoint_paths(self.tasks), [results.embedding_path(task) for task in self.tasks])
            train_without(held_out, experiment.decoder, self.seed, *paths, output)
        elif KINDS[kind].learned:
            results.learn(config, self.tasks, held_out, self.seed, output)
        else:
            results.fit(config, self.tasks, held_out, output)

    def generated(self, kind: str) -> dict[str, Tensor]:
        """Weights for each held-out task, of one draw of its prompts."""
        with tempfile.TemporaryDirectory() as folder:
            self.learn(kind, path := Path(folder, "generator.safetensors"))
            generator = load_generator(path)
        paths = {task: self.results.embedding_path(task) for task in self.results.held_out}
        read = {task: read_condition(generator, path, self.seed, 0) for task, path in paths.items()}
        return {task: generator.weights(condition) for task, condition in read.items()}

    def average(self) -> Tensor:
        """The mean of the tasks' adapters."""
        found = self.results.checkpoints(self.tasks)
        return torch.stack([found.mean(task) for task in self.tasks]).mean(0)

    def multi_task(self, budgets: int = 1) -> Tensor:
        """One adapter, trained on the samples of all of them together for so many tasks' budgets."""
        chosen = self.results.experiment
        finetune = chosen.finetune.model_copy(update={"max_samples": budgets * chosen.finetune.max_samples})
        tables = {task: read_samples(self.results.sample_path(task)) for task in self.tasks}
        with tempfile.TemporaryDirectory() as folder:
            shape = (chosen.base_model.placed, chosen.lora, finetune)
            train_multi_task(*shape, self.seed, tables, chosen.checkpoints.epochs, Path(folder))
            return self.results.checkpoints(self.tasks).layout.flatten(read_adapter(folder)[0])

    def scores(self, kinds: Sequence[str]) -> Scores:
        """Accuracy by source and held-out task."""
        pooled = {"multi_task": self.multi_task(), "multi_task_long": self.multi_task(len(self.tasks))}
        everywhere = {"weight_average": self.average(), **pooled}
        generated = {kind: self.generated(kind) for kind in kinds}
        found: dict[str, dict[str, float]] = {}
        for task in self.results.held_out:
            rows = self.results.rows(task, "test", self.results.experiment.evaluation.max_rows)
            made = everywhere | {kind: flat[task] for kind, flat in generated.items()}
            for source, share in self.results.accuracy_of(task, rows, made, self.results.checkpoints([task])).items():
                found.setdefault(source, {})[task] = share
        return found


def subsets(tasks: Sequence[str], size: int, count: int, seed: int) -> list[list[str]]:
    """So many random subsets of a size, in the order of the tasks; one where it is all of them.

    Raises ValueError: more than there are.
    """
    if size > len(tasks):
        raise ValueError(f"--sizes: found {size}, expected at most the {len(tasks)} training tasks")
    random = torch.Generator().manual_seed(seed)
    drawn = [torch.randperm(len(tasks), generator=random)[:size].sort().values for _ in range(count)]
    return [[tasks[number] for number in chosen.tolist()] for chosen in drawn[: 1 if size == len(tasks) else count]]


def score_all(chosen: Sequence[Subset], kinds: Sequence[str], jobs: int) -> Iterable[Scores]:
    """What each subset gives, in their order; so many of them at a time share the cores."""
    score = partial(Subset.scores, kinds=kinds)
    if jobs == 1:
        yield from map(score, chosen)
        return
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    with multiprocessing.get_context("spawn").Pool(jobs, torch.set_num_threads, (threads,)) as pool:
        yield from pool.imap(score, chosen)


def collect(chosen: Sequence[Subset], scored: Iterable[Scores]) -> Found:
    """Accuracy by held-out task of each subset, by source and size."""
    report, found = reporter("subsets"), {}
    for number, (subset, scores) in enumerate(zip(chosen, scored, strict=True), 1):
        for source, by_task in scores.items():
            found.setdefault(source, {}).setdefault(len(subset.tasks), []).append(by_task)
        means = ", ".join(f"{source} {fmean(by_task.values()):.3f}" for source, by_task in scores.items())
        report(number, len(chosen), f"{len(subset.tasks)} tasks: {means}")
    return found


def each(found: Found, of: Callable[[list[Mapping[str, float]]], T]) -> dict[str, dict[int, T]]:
    """What is made of the subsets of each source and size."""
    return {source: {size: of(drawn) for size, drawn in by_size.items()} for source, by_size in found.items()}


def draw(found: Curves, path: Path, over: str) -> None:
    """A line through the means for each source, and a faint mark for every value, over a number of something."""
    with drawing(path, 6.4, 4.0) as figure:
        axes = figure.subplots()
        for number, (source, by_size) in enumerate(found.items()):
            style = line_style(number)
            axes.plot(list(by_size), [fmean(values) for values in by_size.values()], label=source, **style)
            for size, values in by_size.items():
                axes.plot([size] * len(values), values, **{**style, "linestyle": "", "alpha": 0.3})
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes := sorted({size for by_size in found.values() for size in by_size}), map(str, sizes))
        axes.set_xlabel(over)
        axes.set_ylabel("mean accuracy on the held-out tasks")
        axes.legend()


def main(argv: Sequence[str] | None = None) -> None:
    """Draw subsets, learn, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="numbers of training tasks")
    parser.add_argument("--subsets", type=int, default=3, help="random subsets of each size")
    parser.add_argument("--kinds", choices=list(KINDS), nargs="+", default=["ridge", "retrieval"])
    parser.add_argument("--seed", type=int, default=0, help="of training and of the draw of prompts")
    parser.add_argument("--jobs", type=int, default=1, help="subsets at a time, each with its share of the cores")
    parser.add_argument("--by-task", action="store_true", help="print each held-out task too")
    parser.add_argument("--figure", type=Path, help="a PNG to write")
    args = parser.parse_args(argv)
    results = find_results(args)
    tasks = [drawn for size in args.sizes for drawn in subsets(results.training, size, args.subsets, size)]
    chosen = [Subset(results, drawn, args.seed) for drawn in tasks]
    found = collect(chosen, score_all(chosen, args.kinds, args.jobs))
    means = each(found, lambda drawn: [round(fmean(subset.values()), 3) for subset in drawn])
    by_task = each(found, lambda drawn: {task: round(fmean(subset[task] for subset in drawn), 3) for task in drawn[0]})
    shown = {"accuracy": means, **({"by_task": by_task} if args.by_task else {})}
    print(json.dumps({"held_out": len(results.held_out), **shown}))
    if args.figure:
        draw(means, args.figure, "training tasks")


if __name__ == "__main__":
    main()
