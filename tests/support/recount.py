"""An evaluation file counted again from the table of predictions, in plain Python: no code of p2w but
the published scorer, no data frame.

    python -m tests.support.recount results/smollm2

counts all evaluations of an experiment again, and the means over its held-out tasks in the summary.
"""

import csv
import json
import math
import sys
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from statistics import fmean, stdev, variance

import numpy as np
import pyarrow.parquet as pq

from p2w.evaluation.answers import officially_right

ORDER = ["base", "trained/", "trained_mean", "best_trained", "weight_average", "nearest_prompts", "multi_task",
         "target_trained", "generated", "generated/shuffled_prompts", "generated/foreign_prompts",
         "generated/random_prompts", "constant"]  # fmt: skip
SLACK = (
    0.015  # of a quantile's level, three standard errors: where one draw decides, an end lies on either side of a jump
)
SHARES = ["accuracy", "valid", "accuracy_when_valid", "choice_accuracy", "acc", "acc_norm", "choice_text_accuracy",
          "official"]  # fmt: skip


def split_name(full_name):
    """Source, decoder seed and draw (-1 where the name does not say)."""
    *_, last = parts = full_name.split("/")
    draw = int(parts.pop()[5:]) if last.startswith("draw_") else -1
    seed = int(parts.pop()[5:]) if parts[-1].startswith("seed_") else -1
    return "/".join(parts), seed, draw


def interval(share, n):
    """Both shares p for which |share - p| is z standard errors: roots of (share - p)² n = z² p (1 - p)."""
    z2 = 1.959964**2
    return sorted(np.roots([n + z2, -(2 * n * share + z2), n * share * share]).real)


def is_right(row):
    return row["right"] if "right" in row else row["prediction"] == row["gold"]


def free_metrics(rows):
    right, valid = ([row[key] for row in rows] for key in ("right", "valid"))
    among = [row["right"] for row in rows if row["valid"]]
    shares = {"accuracy": right, "valid": valid, "accuracy_when_valid": among}
    return {key: sum(values) / len(values) if values else 0.0 for key, values in shares.items()}


def highest(values):
    """Where the highest is, the first of equals."""
    return max(range(len(values)), key=values.__getitem__)


def per_character(row):
    pairs = zip(row["likelihoods_without_end"], row["characters"], strict=True)
    return [float(likelihood) / int(length) for likelihood, length in pairs]


def metrics(rows, official):
    if "right" in rows[0]:
        return free_metrics(rows)
    n, labels = len(rows), max(row["choices"] for row in rows)
    right = [is_right(row) for row in rows]
    valid = [row["prediction"] >= 0 for row in rows]
    table = [[0] * (labels + 1) for _ in range(labels)]
    for row in rows:
        table[row["gold"]][row["prediction"] if row["prediction"] >= 0 else labels] += 1
    result = {
        "accuracy": sum(right) / n,
        "valid": sum(valid) / n,
        "accuracy_when_valid": sum(right) / sum(valid) if any(valid) else 0.0,
        "choice_accuracy": sum(row["choice"] == row["gold"] for row in rows) / n,
        "acc": sum(highest(row["likelihoods_without_end"]) == row["gold"] for row in rows) / n,
        "acc_norm": sum(highest(per_character(row)) == row["gold"] for row in rows) / n,
        "official": sum(official(row["text"], row["response"]) for row in rows) / n,
        "confusion": table,
    }
    if "choice_text" in rows[0]:
        result["choice_text_accuracy"] = sum(row["choice_text"] == row["gold"] for row in rows) / n
    return result


def merged(results, n):
    means = {key: fmean(result[key] for result in results) for key in SHARES if key in results[0]}
    tables = [result["confusion"] for result in results if "confusion" in result]
    table = {"confusion": np.sum(tables, axis=0).tolist()} if tables else {}
    return {**means, "ci95": interval(means["accuracy"], n), "adapters": len(results), **table}


def one_source(name, by_key, n, official):
    results = {key: metrics(rows, official) for key, rows in by_key.items()}
    result = merged(list(results.values()), n)
    result["adapters"] *= name != "base"
    by_seed = defaultdict(list)
    for (seed, _), found in results.items():
        by_seed[seed].append(found["accuracy"])
    if all(draw >= 0 for _, draw in results):
        result["draws"] = len(next(iter(by_seed.values())))
        deviations = [variance(values) if len(values) > 1 else 0 for values in by_seed.values()]
        result["std_over_draws"] = math.sqrt(fmean(deviations))
    if len(by_seed) > 1:
        result["seeds"], result["std_over_seeds"] = len(by_seed), stdev(map(fmean, by_seed.values()))
    return result


def sources(adapters, n, official):
    found = {name: one_source(name, by_key, n, official) for name, by_key in adapters.items()}
    trained = {name: result for name, result in found.items() if name.startswith("trained/")}
    if trained:
        found["trained_mean"] = merged(list(trained.values()), n)
        best = sorted(trained, key=lambda name: (trained[name]["accuracy"], name))[-1]
        found["best_trained"] = {**trained[best], "task": best.split("/", 1)[1]}
    known = [
        name for kind in ORDER for name in sorted(found) if name == kind or (kind == "trained/" and name in trained)
    ]
    return {name: found[name] for name in [*known, *sorted(found.keys() - set(known))]}


def bootstrap(ours, theirs, times=1500):
    """Where each end of an interval may lie, by another generator, one resample at a time; by seed, one {id: right} for
    each draw."""
    generator, differences = np.random.default_rng(999), []
    ours, theirs = ({s: np.array([[*a.values()] for a in by_seed[s]]) for s in by_seed} for by_seed in (ours, theirs))
    count = next(iter(ours.values())).shape[1]
    for _ in range(times):
        rows = generator.integers(count, size=count)
        seeds = generator.choice(sorted(ours), len(ours))
        others = seeds if ours.keys() == theirs.keys() else generator.choice(sorted(theirs), len(theirs))
        picks = [generator.integers(len(ours[seed]), size=len(ours[seed])) for seed in seeds]
        if ours.keys() != theirs.keys() or len(ours[seeds[0]]) != len(theirs[others[0]]):
            other_picks = [generator.integers(len(theirs[seed]), size=len(theirs[seed])) for seed in others]
        else:
            other_picks = picks
        means = [
            np.mean([source[seed][chosen][:, rows] for seed, chosen in zip(names, draws, strict=True)])
            for source, names, draws in ((ours, seeds, picks), (theirs, others, other_picks))
        ]
        differences.append(means[0] - means[1])
    return [tuple(np.quantile(differences, [end - SLACK, end + SLACK])) for end in (0.025, 0.975)]


def comparison(ours, theirs, n, resample):
    adapters = [[right for draws in source.values() for right in draws] for source in (ours, theirs)]
    most = [{row: sum(right[row] for right in a) * 2 > len(a) for row in a[0]} for a in adapters]
    ours_only = sum(most[0][row] and not most[1][row] for row in most[0])
    theirs_only = sum(most[1][row] and not most[0][row] for row in most[0])
    discordant = ours_only + theirs_only
    tail = sum(Fraction(math.comb(discordant, k), 2**discordant) for k in range(min(ours_only, theirs_only) + 1))
    return {
        "difference": fmean(fmean(right.values()) for right in adapters[0])
        - fmean(fmean(right.values()) for right in adapters[1]),
        "ci95": bootstrap(ours, theirs) if resample else None,
        "mcnemar_p": float(min(1, 2 * tail)),
        "generated_only": ours_only,
        "other_only": theirs_only,
        "n": n,
    }


def recount(rows, official, resample=True):
    """`majority`, `sources` and `comparisons` of an evaluation file, from the rows of its parquet as dicts."""
    adapters = defaultdict(dict)
    for row in rows:
        name, seed, draw = split_name(row["source"])
        adapters[name].setdefault((seed, draw), []).append(row)
    free = "right" in rows[0]
    golds = [row["response" if free else "gold"] for row in next(iter(adapters["base"].values()))]
    label = max(dict.fromkeys(golds) if free else sorted(set(golds)), key=golds.count)
    right = {}
    for name, by_key in adapters.items():
        right[name] = defaultdict(list)
        for (seed, _), answers in sorted(by_key.items(), key=lambda item: item[0]):
            answers = {row["id"]: is_right(row) for row in answers}
            right[name][seed].append({row["id"]: answers[row["id"]] for row in adapters["base"][-1, -1]})
    found = sources(adapters, len(golds), official)
    names = [name for name in found if name in right]
    further = [name for name in names if name != "generated" and "/" not in name and "draws" in found[name]]

    def against(ours):
        others = [name for name in names if name != ours] if ours in right else []
        return {name: comparison(right[ours], right[name], len(golds), resample) for name in others}

    return {
        "n": len(golds),
        "majority": {"answer" if free else "label": label, "accuracy": golds.count(label) / len(golds)},
        "sources": found,
        "comparisons": against("generated"),
        **({"comparisons_of": {name: against(name) for name in further}} if further else {}),
    }


def assert_same(found, expected, path="", tolerance=1e-9, noise=0.02):
    """Equal keys and lengths, counts and shares equal up to rounding; intervals of a bootstrap up to `noise`."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), path
        for key in expected:
            assert_same(found[key], expected[key], f"{path}/{key}", tolerance, noise)
    elif isinstance(expected, list):
        assert len(found) == len(expected), path
        tolerance = noise if path.startswith("/comparisons") else tolerance
        for i, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{path}/{i}", tolerance, noise)
    elif isinstance(expected, tuple):
        assert expected[0] - tolerance <= found <= expected[1] + tolerance, f"{path}: {found} is not in {expected}"
    elif isinstance(expected, str):
        assert found == expected, path
    elif expected is not None:
        assert abs(found - expected) <= tolerance, f"{path}: found {found}, counted {expected}"


def recount_experiment(folder):
    """Compare all evaluations of an experiment, and its summary, with what is counted here; how many answers it was."""
    answers, accuracies = 0, {}
    for path in sorted(Path(folder, "evaluation").glob("*.json")):
        result = json.loads(path.read_text())
        rows = pq.read_table(path.with_name(f"{path.stem}.predictions.parquet")).to_pylist()
        expected = recount(rows, officially_right)
        one_row = 1.01 / expected["n"]  # an interval's end is a number of rows
        # A few draws that differ much leave gaps between resamples: there another 2,000 ends 0.02 elsewhere.
        assert_same({key: result[key] for key in expected}, expected, noise=max(0.03, one_row))
        accuracies |= {f"{path.stem}/{name}": found["accuracy"] for name, found in expected["sources"].items()}
        answers += len(rows)
    with Path(folder, "summary.csv").open() as file:
        said = {f"{row['held_out']}/{row['source']}": float(row["accuracy"]) for row in csv.DictReader(file)}
    assert_same(said, accuracies, tolerance=1e-5)  # six digits
    return answers


if __name__ == "__main__":
    print(f"{recount_experiment(sys.argv[1])} answers counted again: evaluations and summary.csv are right")
