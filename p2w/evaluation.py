"""The evaluation of a held-out task: every source answers the same rows with the same prompts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from p2w.adapters import WEIGHTS_FILE, read_adapter
from p2w.base_model import BaseModel
from p2w.device import best_device
from p2w.files import write_json
from p2w.lora import adapted, scaling
from p2w.metrics import average, score, spread
from p2w.progress import Report, reporter
from p2w.provenance import provenance
from p2w.samples import read_samples
from p2w.scoring import answer, tokenize_samples
from p2w.tables import write_table

BASE = "base"
TRAINED = "trained/"


@dataclass(frozen=True)
class EvaluationConfig:
    """How many rows are scored (a seeded choice, the same for every source) and how many prompt tokens a batch has."""

    max_rows: int
    batch_tokens: int

    def __post_init__(self) -> None:
        for name in ("max_rows", "batch_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least 1")


def select_rows(samples: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """The rows that are scored, in the table's order; ValueError names a row without an answer."""
    unlabeled = samples["id"][samples["answer"].isna()]
    if len(unlabeled):
        raise ValueError(f"row {unlabeled.iloc[0]!r} has no answer, expected labeled rows to evaluate on")
    if len(samples) <= most:
        return samples
    kept = np.random.default_rng(seed).choice(len(samples), size=most, replace=False)
    return samples.iloc[np.sort(kept)].reset_index(drop=True)


def predict(
    base: BaseModel,
    samples: pd.DataFrame,
    adapters: Mapping[str, Path],
    config: EvaluationConfig,
    device: torch.device,
    report: Report,
) -> pd.DataFrame:
    """Answers of the base model and of each adapter, `source` naming whose; the base model is loaded once.

    Args:
        adapters: source name to adapter folder.
    """
    tokenizer, model = base.tokenizer(), base.load(device)
    questions = tokenize_samples(tokenizer, samples)
    tables = []
    for done, (source, folder) in enumerate([(BASE, None), *adapters.items()], 1):
        tensors, scale = _load(base, folder)
        with adapted(model, tensors, scale):
            answers = answer(model, tokenizer, samples, questions, config.batch_tokens)
        tables.append(answers.assign(source=source))
        report(done, len(adapters) + 1, source)
    return pd.concat(tables, ignore_index=True)


def _load(base: BaseModel, folder: Path | None) -> tuple[dict[str, torch.Tensor], float]:
    if folder is None:
        return {}, 0.0
    tensors, adapter_config = read_adapter(folder)
    found = adapter_config["base_model_name_or_path"]
    if found != base.name:
        raise ValueError(f"{folder}: found an adapter of base model {found!r}, expected {base.name!r}")
    return tensors, scaling(adapter_config)


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


def chance_level(samples: pd.DataFrame) -> float:
    """Expected accuracy of a uniform guess among each row's choices."""
    return float((1 / samples["choices"].map(len)).mean())


def evaluate(
    experiment: str,
    held_out: str,
    base: BaseModel,
    config: EvaluationConfig,
    seed: int,
    samples_path: Path,
    adapters: Mapping[str, Path],
    output: Path,
    predictions_path: Path,
) -> None:
    """Write the evaluation file of a held-out task and the answers it was counted from."""
    samples = select_rows(read_samples(samples_path), config.max_rows, seed)
    predictions = predict(base, samples, adapters, config, best_device(), reporter(f"sources on {held_out}"))
    inputs = [samples_path, *(folder / WEIGHTS_FILE for folder in adapters.values())]
    record = provenance("workflow/scripts/evaluate.py", {"base_model": asdict(base), **asdict(config)}, inputs, seed)
    write_table(predictions_path, predictions, {"held_out": held_out, "provenance": record})
    result = evaluation_file(predictions, experiment, held_out, samples_path.stem, chance_level(samples))
    write_json(output, {**result, "provenance": record})
