"""How accuracy on the same held-out tasks grows with the number of training tasks, by generator and for one adapter.

    python benchmarks/growth.py pocket_formats --sizes 4 8 16 24 --subsets 3 --figure growth.png

reads the results of an experiment, its samples, checkpoints and embeddings. For every size training tasks are drawn,
the same for all; where the size is all of them there is one subset. Each generator learns from these tasks alone, and
is asked for all held-out tasks; one adapter is the average of theirs, another is trained on their samples together,
with the budget of a single task. Prints one line of JSON: accuracy over the held-out tasks, by source, size and subset.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

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

    def multi_task(self) -> Tensor:
        """One adapter, trained on the samples of all of them together for a single task's budget."""
        chosen = self.results.experiment
        tables = {task: read_samples(self.results.sample_path(task)) for task in self.tasks}
        with tempfile.TemporaryDirectory() as folder:
            shape = (chosen.base_model.placed, chosen.lora, chosen.finetune)
            train_multi_task(*shape, self.seed, tables, chosen.checkpoints.epochs, Path(folder))
            return self.results.checkpoints(self.tasks).layout.flatten(read_adapter(folder)[0])

    def scores(self, kinds: Sequence[str]) -> dict[str, float]:
        """Mean accuracy over the held-out tasks by source."""
        everywhere = {"weight_average": self.average(), "multi_task": self.multi_task()}
        generated = {kind: self.generated(kind) for kind in kinds}
        found: dict[str, list[float]] = {}
        for task in self.results.held_out:
            rows = self.results.rows(task, "test", self.results.experiment.evaluation.max_rows)
            made = everywhere | {kind: flat[task] for kind, flat in generated.items()}
            for source, share in self.results.accuracy_of(task, rows, made, self.results.checkpoints([task])).items():
                found.setdefault(source, []).append(share)
        return {source: fmean(shares) for source, shares in found.items()}


def subsets(tasks: Sequence[str], size: int, count: int, seed: int) -> list[list[str]]:
    """So many random subsets of a size, in the order of the tasks; one where it is all of them.

    Raises ValueError: more than there are.
    """
    if size > len(tasks):
        raise ValueError(f"--sizes: found {size}, expected at most the {len(tasks)} training tasks")
    random = torch.Generator().manual_seed(seed)
    drawn = [torch.randperm(len(tasks), generator=random)[:size].sort().values for _ in range(count)]
    return [[tasks[number] for number in chosen.tolist()] for chosen in drawn[: 1 if size == len(tasks) else count]]


def curves(results: Results, args: argparse.Namespace) -> Curves:
    """Accuracy by source and size, one value for each subset."""
    chosen = [(size, tasks) for size in args.sizes for tasks in subsets(results.training, size, args.subsets, size)]
    report, found = reporter("subsets"), {}
    for number, (size, tasks) in enumerate(chosen, 1):
        for source, accuracy in Subset(results, tasks, args.seed).scores(args.kinds).items():
            found.setdefault(source, {}).setdefault(size, []).append(accuracy)
        report(number, len(chosen), f"{size} tasks")
    return found


def draw(found: Curves, path: Path) -> None:
    """A line through the mean over subsets for each source, and a faint mark for every subset."""
    with drawing(path, 6.4, 4.0) as figure:
        axes = figure.subplots()
        for number, (source, by_size) in enumerate(found.items()):
            style = line_style(number)
            axes.plot(list(by_size), [fmean(values) for values in by_size.values()], label=source, **style)
            for size, values in by_size.items():
                axes.plot([size] * len(values), values, **{**style, "linestyle": "", "alpha": 0.3})
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes := sorted({size for by_size in found.values() for size in by_size}), map(str, sizes))
        axes.set_xlabel("training tasks")
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
    parser.add_argument("--figure", type=Path, help="a PNG to write")
    args = parser.parse_args(argv)
    results = find_results(args)
    found = curves(results, args)
    rounded = {source: {size: [round(share, 3) for share in shares] for size, shares in by_size.items()}
               for source, by_size in found.items()}  # fmt: skip
    print(json.dumps({"held_out": len(results.held_out), "accuracy": rounded}))
    if args.figure:
        draw(found, args.figure)


if __name__ == "__main__":
    main()
