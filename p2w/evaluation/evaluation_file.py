"""The evaluation file (docs/evaluation.md), counted from predictions alone, so that anyone can recount it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from p2w.evaluation.answers import INVALID
from p2w.evaluation.metrics import average, is_free, majority, right, score, spread_over_draws, spread_over_seeds
from p2w.evaluation.paired import compare
from p2w.evaluation.source_names import BASE, MEANING, METHOD, TRAINED, is_further

# Sources in the order of the file; the training adapters by name after the base model, other sources at the end.
ORDER = (BASE, TRAINED, *(name for name in MEANING if name != BASE))
COLUMNS = ("source", "id", "choices", "gold", "response", "text", "prediction", "choice", "likelihoods_without_end",
           "characters")  # fmt: skip
FREE_COLUMNS = ("source", "id", "response", "text", "ended", "valid", "right")


@dataclass(frozen=True)
class Source:
    """The adapters of one source: answers by decoder seed, then by draw; all on the same rows in the same order."""

    answers: tuple[tuple[pd.DataFrame, ...], ...]
    drawn: bool

    def right(self) -> np.ndarray:
        """Which adapter was right about which row, (seeds, draws, rows) bool."""
        return np.array([[right(table) for table in draws] for draws in self.answers])

    def scores(self) -> list[list[dict[str, Any]]]:
        """Metrics of each adapter, by seed and draw."""
        return [[score(table) for table in draws] for draws in self.answers]


def evaluation_file(
    predictions: pd.DataFrame,
    experiment: str,
    held_out: str,
    split: str,
    chance: float,
    overlap: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """The evaluation file without its provenance, from one row per source and test row (docs/evaluation.md).

    `overlap` is what `p2w.evaluation.overlap` found, `seed` that of the bootstrap intervals. Raises ValueError: a
    missing column, a position that no choice has, an answer that is right and not valid, sources that answered
    different rows, a source whose decoder seeds have different draws.
    """
    sources = read_sources(predictions)
    first = next(iter(sources.values())).answers[0][0]
    results = {name: _result(name, source) for name, source in sources.items()}
    results |= _trained_aggregates({name: results[name] for name in results if name.startswith(TRAINED)}, len(first))
    return {
        "experiment": experiment,
        "held_out": held_out,
        "split": split,
        "n": len(first),
        "chance": chance,
        "majority": majority(first),
        "sources": {name: results[name] for name in sorted(results, key=_place)},
        **_comparisons(sources, seed),
        "overlap": dict(overlap),
    }


def read_sources(predictions: pd.DataFrame) -> dict[str, Source]:
    """Predictions as sources, in the file's order: `{name}/seed_{s}/draw_{k}` is one adapter of source `name`."""
    _check(predictions)
    adapters: dict[str, dict[tuple[int, int], pd.DataFrame]] = {}
    for full_name, table in _same_rows(predictions).items():
        name, seed, draw = re.fullmatch(r"(.+?)(?:/seed_(\d+))?(?:/draw_(\d+))?", full_name).groups()
        # No seed means the experiment's own, which comes first.
        key = (-1 if seed is None else int(seed), -1 if draw is None else int(draw))
        adapters.setdefault(name, {})[key] = table
    return {name: _source(name, adapters[name]) for name in sorted(adapters, key=_place)}


def _check(predictions: pd.DataFrame) -> None:
    free = is_free(predictions)
    missing = [column for column in (FREE_COLUMNS if free else COLUMNS) if column not in predictions]
    if missing or predictions.empty:
        found = f"columns {list(predictions)} and {len(predictions)} rows"
        raise ValueError(f"predictions: found {found}; missing {missing}")
    if free:
        wrong = predictions[predictions["right"] & ~predictions["valid"]]
        if len(wrong):
            source, row = wrong.iloc[0][["source", "id"]]
            raise ValueError(f"{source}, row {row!r}: found a right answer that is not valid, expected a valid one")
        return
    for column, least in (("gold", 0), ("choice", 0), ("prediction", INVALID)):
        wrong = predictions[(predictions[column] < least) | (predictions[column] >= predictions["choices"])]
        if len(wrong):
            source, row, choices, found = wrong.iloc[0][["source", "id", "choices", column]]
            raise ValueError(f"{source}, row {row!r}: {column}: found {found}, expected {least} to {choices - 1}")


def _same_rows(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each adapter's answers in the order of the first one's rows."""
    tables = {name: table.set_index("id") for name, table in predictions.groupby("source", sort=False)}
    (reference, first), gold = next(iter(tables.items())), "response" if is_free(predictions) else "gold"
    for name, table in tables.items():
        if table.index.has_duplicates or set(table.index) != set(first.index):
            raise ValueError(f"{name}: found {len(table)} rows that are not the {len(first)} of {reference}, once each")
        if not table[gold].reindex(first.index).equals(first[gold]):
            raise ValueError(f"{name}: found other right answers than {reference} has, expected the same")
    return {name: table.loc[first.index] for name, table in tables.items()}


def _source(name: str, adapters: Mapping[tuple[int, int], pd.DataFrame]) -> Source:
    seeds, draws = ({key[i] for key in adapters} for i in (0, 1))
    count = len(adapters)
    if count != len(seeds) * len(draws) or (len(draws) > 1 and -1 in draws):
        raise ValueError(f"{name}: found {count} adapters, expected the same draws for each of {len(seeds)} seeds")
    answers = tuple(tuple(adapters[seed, draw] for draw in sorted(draws)) for seed in sorted(seeds))
    return Source(answers, drawn=-1 not in draws)


def _place(name: str) -> tuple[int, str]:
    """Where a source stands in the file; unknown ones stand at the end, by name."""
    known = TRAINED if name.startswith(TRAINED) else name
    return (ORDER.index(known) if known in ORDER else len(ORDER), name)


def _result(name: str, source: Source) -> dict[str, Any]:
    scores = source.scores()
    flat = [score for draws in scores for score in draws]
    result = average(flat, len(source.answers[0][0]))
    if name == BASE:
        result["adapters"] = 0
    accuracies = [[score["accuracy"] for score in draws] for draws in scores]
    if source.drawn:
        result |= {"draws": len(scores[0]), "std_over_draws": spread_over_draws(accuracies)}
    if len(scores) > 1:
        result |= {"seeds": len(scores), "std_over_seeds": spread_over_seeds(accuracies)}
    return result


def _trained_aggregates(trained: Mapping[str, dict[str, Any]], n: int) -> dict[str, Any]:
    if not trained:
        return {}
    best = max(trained, key=lambda name: (trained[name]["accuracy"], name))
    return {
        "trained_mean": average(list(trained.values()), n),
        # Chosen by its score on these very rows: an oracle, not a method.
        "best_trained": {**trained[best], "task": best.removeprefix(TRAINED)},
    }


def _comparisons(sources: Mapping[str, Source], seed: int) -> dict[str, Any]:
    """Generated against every other source, on the same rows, empty if there is nothing generated; and where there are
    further generators, each of these against every other source."""
    right = {name: source.right() for name, source in sources.items()}

    def against(generator: str) -> dict[str, Any]:
        return {name: compare(right[generator], right[name], seed) for name in sources if name != generator}

    further = [name for name, source in sources.items() if source.drawn and is_further(name)]
    return {
        "comparisons": against(METHOD) if METHOD in sources else {},
        **({"comparisons_of": {name: against(name) for name in further}} if further else {}),
    }
