"""What a generator for everybody keeps of its training tasks when it is made small: by directions and by precision.

    python benchmarks/compact_settings.py smollm2_ridge --adapters smollm2 --directions 8 16 --precision float8

reads `generator/` of an experiment, a ridge generator of all its tasks. For every task adapters are made from a draw
of its prompts, by the whole generator and by small ones, and scored on test rows beside the task's own adapter and the
mean of all. Prints one line of JSON: bytes of the files, and accuracy by source, mean and by task.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from experiment_results import Results, add_arguments, find_results

from p2w.generators.generating import read_condition
from p2w.generators.generator_file import load_generator
from p2w.generators.ridge import Ridge
from p2w.runtime.progress import reporter
from p2w.using.compacting import PRECISIONS, compact, made_of_all, save_compact

WHOLE = "whole"


def small_ones(ridge: Ridge, results: Results, args: argparse.Namespace) -> dict[str, Ridge]:
    """The whole generator and those made of it, by directions and precision."""
    names = ridge.metadata["training_tasks"]
    made = torch.stack([made_of_all(ridge, results.embedding_path(task)) for task in names])
    found = {WHOLE: ridge}
    for rank, precision in itertools.product(args.directions, args.precision):
        found[f"{rank} {precision}"] = compact(ridge, made, rank, precision)[0]
    return found


def size(generator: Ridge, precision: str) -> int:
    """Bytes of its file."""
    with tempfile.TemporaryDirectory() as folder:
        save_compact(path := Path(folder, "generator.safetensors"), generator, precision)
        return path.stat().st_size


def scores(generators: Mapping[str, Ridge], results: Results, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Accuracy by task and source."""
    checkpoints, found = results.checkpoints(args.tasks or results.experiment.tasks), {}
    report = reporter("tasks scored")
    for number, task in enumerate(checkpoints, 1):
        made = {"own adapter": checkpoints.mean(task), "mean adapter": generators[WHOLE].weights_mean}
        for name, generator in generators.items():
            kept = {"weights_mean": generator.weights_mean.float(), "residuals": generator.residuals.float()}
            wide = replace(generator, **kept)
            made[name] = wide.weights(read_condition(wide, results.embedding_path(task), args.seed, 0))
        found[task] = results.accuracy_of(task, results.rows(task, "test", args.rows), made, checkpoints)
        report(number, len(checkpoints), task)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Make them small, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--directions", type=int, nargs="+", required=True)
    parser.add_argument("--precision", choices=list(PRECISIONS), nargs="+", default=list(PRECISIONS))
    parser.add_argument("--tasks", nargs="+", help="those that are scored, in place of all")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    results = find_results(args)
    generators = small_ones(load_generator(results.own / "generator/generator.safetensors"), results, args)
    found = scores(generators, results, args)
    sources = list(next(iter(found.values())))
    means = {source: round(sum(task[source] for task in found.values()) / len(found), 3) for source in sources}
    by_task = {task: {source: round(share, 3) for source, share in shares.items()} for task, shares in found.items()}
    sizes = {name: size(generator, name.rpartition(" ")[2]) for name, generator in generators.items()}
    print(json.dumps({"rows": args.rows, "bytes": sizes, "mean": means, "accuracy": by_task}))


if __name__ == "__main__":
    main()
