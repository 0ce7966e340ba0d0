"""How many prompts are enough: accuracy on the held-out tasks by the number of prompts that a generator is asked with.

    python benchmarks/few_prompts.py pocket_hinted --adapters pocket_formats --counts 1 2 4 8 16 32 64 128

reads the results of an experiment, the generators that its workflow has made with them. Each is asked for every task
that it was made without, with other prompts for each draw. Prints one line of JSON: the mean over tasks and draws, by
kind and number; and with `--by-task` over draws alone.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from experiment_results import Results, add_arguments, find_results
from growth import draw as draw_curves
from torch import Tensor

from p2w.config.generator import KINDS
from p2w.generators.fitted_file import Fitted
from p2w.generators.generation import draw_condition
from p2w.generators.generator_file import load_generator
from p2w.prompts.states import read_embeddings
from p2w.runtime.progress import reporter

Found = dict[str, dict[int, dict[str, float]]]  # accuracy by kind, number of prompts and task


def generator_of(results: Results, kind: str, task: str) -> Fitted:
    """The generator of a kind that a task was held out from; ValueError for one that reads one number of prompts."""
    path = results.own / f"generators/{kind}/{results.experiment.turn_of(task)}/generator.safetensors"
    if not isinstance(generator := load_generator(path), Fitted):
        raise ValueError(
            f"{path}: found a decoder of {generator.num_prompts} prompts, expected one that reads any number"
        )
    return generator


def made(results: Results, kinds: Sequence[str], task: str, counts: Sequence[int], draws: int) -> dict[str, Tensor]:
    """Weights (size,) for a task by kind, number of prompts and draw."""
    prompts, seed = read_embeddings(results.embedding_path(task)), results.experiment.seed
    found = {}
    for kind in kinds:
        generator = generator_of(results, kind, task)
        for count in counts:
            for draw in range(draws):
                condition = draw_condition(prompts, count, seed, draw, generator.device)
                found[f"{kind}/{count}/{draw}"] = generator.weights(condition)
    return found


def score(results: Results, kinds: Sequence[str], counts: Sequence[int], draws: int) -> Found:
    """Accuracy of what is made for every held-out task, the mean of the draws."""
    report, found = reporter("held-out tasks"), {kind: {count: {} for count in counts} for kind in kinds}
    for number, task in enumerate(results.held_out, 1):
        rows = results.rows(task, "test", results.experiment.evaluation.max_rows)
        flat = made(results, kinds, task, counts, draws)
        right = results.accuracy_of(task, rows, flat, results.checkpoints([task]))
        for kind in kinds:
            for count in counts:
                found[kind][count][task] = fmean(right[f"{kind}/{count}/{draw}"] for draw in range(draws))
        report(number, len(results.held_out), task)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Ask, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--counts", type=int, nargs="+", required=True, help="numbers of prompts")
    parser.add_argument("--kinds", choices=list(KINDS), nargs="+", help="those of the experiment unless said")
    parser.add_argument("--draws", type=int, default=3, help="random choices of so many prompts")
    parser.add_argument("--by-task", action="store_true", help="print each held-out task too")
    parser.add_argument("--figure", type=Path, help="a PNG to write")
    args = parser.parse_args(argv)
    results = find_results(args)
    found = score(results, args.kinds or list(results.experiment.by_kind), args.counts, args.draws)
    means = {kind: {n: round(fmean(by.values()), 3) for n, by in each.items()} for kind, each in found.items()}
    by_task = {
        kind: {n: {t: round(v, 3) for t, v in by.items()} for n, by in each.items()} for kind, each in found.items()
    }
    print(json.dumps({"draws": args.draws, "accuracy": means, **({"by_task": by_task} if args.by_task else {})}))
    if args.figure:
        curves = {kind: {n: [mean] for n, mean in by_count.items()} for kind, by_count in means.items()}
        draw_curves(curves, args.figure, "prompts")


if __name__ == "__main__":
    main()
