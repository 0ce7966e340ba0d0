"""Whether prompts alone say how much their adapter will gain: nearness to the training tasks against what came of it.

    python benchmarks/expectation.py pocket_formats --rows 100

reads the results of an experiment. For each of its training tasks, and for each task that it holds out, an adapter is
made by ridge regression that has not seen the task, and its gain over the base model is measured on test rows. Three
measures of nearness, taken before anything is scored, are held against the gains: a straight line is fitted to those
of the training tasks, each left out in turn of regression and line, and the measure with the smallest error is chosen.
Only then it meets the held-out tasks. A measure is worth something where its error is below that of the mean gain,
which ignores prompts. Prints one line of JSON.
"""

import argparse
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from experiment_results import Results, add_arguments, find_results
from torch import Tensor
from torch.nn.functional import cosine_similarity

from p2w.config.generator import GeneratorConfig
from p2w.generators.features import task_features
from p2w.generators.ridge import regress
from p2w.prompts.states import read_embeddings
from p2w.runtime.progress import reporter

GAIN = "gain"


def nearness(known: Tensor, asked: Tensor) -> dict[str, float]:
    """Of features (d,) to those of the training tasks (T, d), by measure; 1 is as near as can be.

    `nearest` is the largest cosine, `nearest from the mean` the largest one of the distances to the mean of the tasks,
    and `inside` the share of this distance's square that lies in the span of theirs.
    """
    centre = known.mean(0)
    distances, distance = known - centre, asked - centre
    span = torch.linalg.svd(distances.double(), full_matrices=False)
    basis = span.Vh[(span.S / span.S[0]) > 1e-6]
    return {
        "nearest": cosine_similarity(known, asked, dim=1).max().item(),
        "nearest from the mean": cosine_similarity(distances, distance, dim=1).max().item(),
        "inside": ((basis @ distance.double()).square().sum() / distance.double().square().sum()).item(),
    }


def measured(results: Results, tasks: Sequence[str], config: GeneratorConfig, rows: int) -> pd.DataFrame:
    """Nearness and gain of each task, its adapter made from the training tasks without it."""
    every = sorted({*results.training, *tasks})
    prompts = {task: read_embeddings(results.embedding_path(task)) for task in every}
    features = {task: task_features(prompts[task], config.positions) for task in every}
    checkpoints = results.checkpoints(results.training)
    weights = {task: checkpoints.mean(task) for task in results.training}
    found, report = {}, reporter("tasks scored")
    for number, task in enumerate(tasks, 1):
        others = [other for other in results.training if other != task]
        X, W = (torch.stack([of[other] for other in others]) for of in (features, weights))
        ridge = regress(config, checkpoints.layout, X, W, len(prompts[task]), {})
        made = ridge.weights(prompts[task].gather(torch.arange(len(prompts[task]))))
        right = results.accuracy_of(task, results.rows(task, "test", rows), {"ridge": made}, checkpoints)
        found[task] = {**nearness(X, features[task]), GAIN: right["ridge"] - right["base"]}
        report(number, len(tasks), task)
    return pd.DataFrame.from_dict(found, orient="index")


def line(x: pd.Series, y: pd.Series) -> np.ndarray:
    """Slope and intercept of least squares; a level line where all x are the same."""
    slope = 0.0 if x.std() < 1e-9 else float(np.polyfit(x, y, 1)[0])
    return np.array([slope, y.mean() - slope * x.mean()])


def left_out_errors(table: pd.DataFrame, measure: str | None) -> list[float]:
    """Absolute error of each task's gain by the line of all others, or by their mean without a measure."""
    errors = []
    for task in table.index:
        others = table.drop(task)
        x = others[measure] if measure else 0 * others[GAIN]
        expected = np.polyval(line(x, others[GAIN]), table.loc[task, measure] if measure else 0)
        errors.append(abs(float(expected) - table.loc[task, GAIN]))
    return errors


def rank_correlation(table: pd.DataFrame, measure: str) -> float | None:
    """Spearman's, between a measure and the gain; none where one of them never changes."""
    ranks = table[[measure, GAIN]].rank()
    return None if (ranks.std() == 0).any() else round(float(ranks.corr().iloc[0, 1]), 3)


def expectation(training: pd.DataFrame, held_out: pd.DataFrame) -> dict[str, object]:
    """By measure what it is worth on training tasks; of the best one, what it said of held-out ones."""
    measures = [name for name in training if name != GAIN]
    errors = {name: float(np.mean(left_out_errors(training, name))) for name in measures}
    best = min(errors, key=errors.__getitem__)
    expected = np.polyval(line(training[best], training[GAIN]), held_out[best])
    level = (held_out[GAIN] - training[GAIN].mean()).abs().mean()
    return {
        "training": {
            "error of the mean gain": round(float(np.mean(left_out_errors(training, None))), 3),
            "error": {name: round(error, 3) for name, error in errors.items()},
            "rank correlation": {name: rank_correlation(training, name) for name in measures},
        },
        "chosen": best,
        "held out": {
            "error of the mean gain": round(float(level), 3),
            "error": round(float(np.abs(expected - held_out[GAIN]).mean()), 3),
            "rank correlation": rank_correlation(held_out, best),
            "expected and found": {task: [round(float(said), 3), round(float(gain), 3)]
                                   for task, said, gain in zip(held_out.index, expected, held_out[GAIN], strict=True)},
        },
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rows", type=int, default=64, help="test rows of each task")
    args = parser.parse_args(argv)
    results = find_results(args)
    configs: Mapping[str, GeneratorConfig] = results.experiment.by_kind
    config = configs.get("ridge") or GeneratorConfig(kind="ridge")
    tables = [measured(results, tasks, config, args.rows) for tasks in (results.training, results.held_out)]
    print(json.dumps({"tasks": [len(table) for table in tables], "rows": args.rows, **expectation(*tables)}))


if __name__ == "__main__":
    main()
