"""The evaluation file of design.md, counted from predictions alone, so that anyone can recount it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from p2w.metrics import average, score, spread

BASE = "base"
TRAINED = "trained/"


def evaluation_file(
    predictions: pd.DataFrame, experiment: str, held_out: str, split: str, chance: float
) -> dict[str, Any]:
    """The evaluation file of design.md, computed from the predictions alone, so that anyone can recount it."""
    by_source = dict(iter(predictions.groupby("source", sort=False)))
    singles = {name: score(group) for name, group in by_source.items()}
    n = len(by_source[BASE])
    sources: dict[str, Any] = {BASE: {**singles.pop(BASE), "adapters": 0}}
    trained = {name: singles.pop(name) for name in sorted(singles) if name.startswith(TRAINED)}
    sources |= {name: {**result, "adapters": 1} for name, result in trained.items()}
    sources |= _trained_aggregates(trained, n)
    sources |= _others(singles, n)
    return {
        "experiment": experiment,
        "held_out": held_out,
        "split": split,
        "n": n,
        "chance": chance,
        "sources": sources,
    }


def _trained_aggregates(trained: Mapping[str, dict[str, Any]], n: int) -> dict[str, Any]:
    if not trained:
        return {}
    best = max(trained, key=lambda name: (trained[name]["accuracy"], name))
    return {
        "trained_mean": average(list(trained.values()), n),
        # Chosen by its score on these very rows: an oracle, not a method.
        "best_trained": {**trained[best], "adapters": 1, "task": best.removeprefix(TRAINED)},
    }


def _others(singles: Mapping[str, dict[str, Any]], n: int) -> dict[str, Any]:
    """Sources with one adapter as they are; draws of one generator (`name/draw_k`) as one source."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, result in singles.items():
        groups.setdefault(re.sub(r"/draw_\d+$", "", name), []).append(result)
    return {name: _one_source(results, n, f"{name}/draw_0" in singles) for name, results in groups.items()}


def _one_source(results: Sequence[dict[str, Any]], n: int, drawn: bool) -> dict[str, Any]:
    if not drawn:
        return {**results[0], "adapters": 1}
    deviation = spread([result["accuracy"] for result in results])
    return {**average(results, n), "std_over_draws": deviation, "draws": len(results)}
