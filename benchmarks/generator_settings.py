"""Which settings of a generator in closed form are best, without a look at held-out tasks: by training tasks left out.

    python benchmarks/generator_settings.py ridge pocket_formats_ridge --adapters pocket_formats

reads the results of an experiment. The tasks that it holds out take no part, neither to learn from nor to be scored: of
every other task an adapter is made from its train prompts, or so many of them as `--prompts` says, by a generator that
did not see it, and scored on train rows.
Prints one line of JSON, the best settings first.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

import torch
from experiment_results import Results, add_arguments, find_results

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.closed_forms import CLOSED_FORMS
from p2w.generators.contract import Generator
from p2w.generators.features import task_features
from p2w.generators.generation import draw_condition
from p2w.prompts.states import read_embeddings
from p2w.runtime.progress import reporter

Vectors = Mapping[str, torch.Tensor]  # by task
Tried = Mapping[str, Sequence[float]]  # values of each key

TRIED = {
    "ridge": {"positions": (0, 4, 8, 12, 16, 24), "penalty": (0.1, 0.3, 1.0, 3.0), "gain": (1.0, 1.4, 2.0)},
    "retrieval": {"positions": (0, 8), "temperature": (0.05, 0.1, 0.2, 0.4)},
}


def settings(kind: str, tried: Tried) -> Iterator[GeneratorConfig]:
    """All combinations of what is tried of a kind."""
    for values in itertools.product(*tried.values()):
        yield GeneratorConfig(kind=kind, **dict(zip(tried, values, strict=True)))


def candidates(
    kind: str, tried: Tried, left_out: str, layout: AdapterLayout, weights: Vectors, features: Mapping[int, Vectors]
) -> Iterator[tuple[str, Generator]]:
    """By name, what each of the settings learns from the other tasks, given the features of all by positions."""
    others = [task for task in weights if task != left_out]
    W = torch.stack([weights[task] for task in others])
    for config in settings(kind, tried):
        X = torch.stack([features[config.positions][task] for task in others])
        name = ", ".join(f"{key} {getattr(config, key):g}" for key in tried)
        yield name, CLOSED_FORMS[kind](config, layout, X, W, 0, {})


def scores(kind: str, tried: Tried, results: Results, rows: int, most: int | None) -> dict[str, list[float]]:
    """Accuracy on each task left out, by settings; asked with `most` of its prompts, or with all."""
    tasks, found = results.training, {}
    checkpoints = results.checkpoints(tasks)
    weights = {task: checkpoints.mean(task) for task in tasks}
    prompts = {task: read_embeddings(results.embedding_path(task)) for task in tasks}
    features = {k: {task: task_features(prompts[task], k) for task in tasks} for k in tried["positions"]}
    report = reporter("tasks left out")
    for number, task in enumerate(tasks, 1):
        asked = draw_condition(prompts[task], most or len(prompts[task]), results.experiment.seed, 0, "cpu")
        fitted = candidates(kind, tried, task, checkpoints.layout, weights, features)
        made = {name: generator.weights(asked) for name, generator in fitted}
        right = results.accuracy_of(task, results.rows(task, "train", rows), made, checkpoints)
        for name, share in right.items():
            found.setdefault(name, []).append(share)
        report(number, len(tasks), task)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Score all settings and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, tried in TRIED.items():
        options = kinds.add_parser(kind)
        add_arguments(options)
        options.add_argument("--rows", type=int, default=24)
        options.add_argument("--prompts", type=int, help="how many of a task's; all of them unless said")
        for key, values in tried.items():
            options.add_argument(f"--{key}", type=type(values[0]), nargs="+", default=values)
    args = parser.parse_args(argv)
    tried = {key: getattr(args, key) for key in TRIED[args.kind]}
    found = scores(args.kind, tried, find_results(args), args.rows, args.prompts)
    means = {name: sum(values) / len(values) for name, values in found.items()}
    best = sorted(means, key=lambda name: -means[name])
    tasks = len(next(iter(found.values())))
    print(json.dumps({"tasks": tasks, "rows": args.rows, "accuracy": {name: round(means[name], 3) for name in best}}))


if __name__ == "__main__":
    main()
