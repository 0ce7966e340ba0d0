"""The evaluation of a held-out task: every source answers the same rows with the same prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from p2w.adapters.layout import AdapterLayout, check_layout
from p2w.adapters.peft_folder import CONFIG_FILE, WEIGHTS_FILE, read_adapter
from p2w.base.base_model import check_base_model, load_model, load_tokenizer
from p2w.base.lora_stack import Adapter, LoraStack, scaling
from p2w.config.base_model import BaseModel
from p2w.config.evaluation import EvaluationConfig, FreeAnswers
from p2w.config.settings import parse
from p2w.data.samples import read_samples
from p2w.evaluation.continuations import Answer, adapters_at_once, answer, check_model, tokenize_samples
from p2w.evaluation.evaluation_file import evaluation_file
from p2w.evaluation.overlap import overlap
from p2w.evaluation.predictions import prediction_table
from p2w.evaluation.source_names import BASE
from p2w.runtime.device import best_device
from p2w.runtime.files import sha256, transaction
from p2w.runtime.memory import in_pieces_that_fit
from p2w.runtime.progress import Report, reporter
from p2w.runtime.provenance import provenance
from p2w.runtime.resume import UNSAVED, SavedState, State
from p2w.runtime.seals import write_record
from p2w.runtime.tables import write_table

Answers = dict[str, dict[int, Answer]]  # by source and position of the row


def select_rows(samples: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """The rows that are scored, in the table's order; ValueError names a row without an answer."""
    unchosen = samples["choices"].map(len).gt(0) & samples["answer"].isna()
    unlabeled = samples["id"][samples["response"].isna() | unchosen]
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
    saved: SavedState = UNSAVED,
    free: FreeAnswers | None = None,
) -> pd.DataFrame:
    """Answers of the base model and of each adapter, `source` naming whose; columns as in `p2w.evaluation.predictions`.

    The base model is loaded once, and as many adapters (by source) as memory allows go through it side by side.
    """
    tokenizer, model = load_tokenizer(base), load_model(base, device)
    questions = tokenize_samples(tokenizer, samples, config.option_text, free and free.max_new_tokens)
    check_model(model, questions[0])
    sources = {BASE: None, **adapters}
    answers = _load_answers(saved) or {source: {} for source in sources}
    at_once = adapters_at_once(questions, config.batch_tokens)

    def advance(_count: int) -> None:
        saved.save_if_due(lambda: _answers_state(answers))
        report(sum(map(len, answers.values())), len(sources) * len(questions), "")

    while left := [source for source in sources if len(answers[source]) < len(questions)]:

        def answer_first(count: int, left: Sequence[str] = left) -> None:
            stack = LoraStack(model, [_load(sources[source]) for source in left[:count]])
            found = [answers[source] for source in left[:count]]
            answer(model, tokenizer, questions, stack, config.batch_tokens, advance, found)

        wanted = min(at_once, len(left))
        _, count = in_pieces_that_fit(wanted, answer_first, "adapters side by side")
        at_once = min(at_once, count) if count < wanted else at_once
    in_order = {source: [found[i] for i in range(len(questions))] for source, found in answers.items()}
    tables = []
    for source, found in in_order.items():
        tables.append(prediction_table(tokenizer, samples, source, found, free, config.execute_code))
        saved.save_if_due(lambda: _answers_state(answers))  # code that a model wrote may take long to run
    return pd.concat(tables, ignore_index=True)


def _answers_state(answers: Answers) -> State:
    return {}, {source: [[i, *astuple(one)] for i, one in found.items()] for source, found in answers.items()}


def _load_answers(saved: SavedState) -> Answers | None:
    if (found := saved.load()) is None:
        return None
    return {source: {i: Answer(*values) for i, *values in rows} for source, rows in found[1].items()}


def _load(folder: Path | None) -> Adapter:
    if folder is None:
        return {}, 0.0
    tensors, adapter_config = read_adapter(folder)
    return tensors, scaling(adapter_config)


def check_adapters(base: BaseModel, adapters: Mapping[str, Path]) -> None:
    """Before hours are spent: ValueError unless all are whole, of this base model, and alike in names and shapes."""
    layout: AdapterLayout | None = None
    for folder in adapters.values():
        tensors, adapter_config = read_adapter(folder)
        check_base_model(folder, adapter_config, base)
        found = AdapterLayout.from_tensors(tensors)
        layout = layout or found
        check_layout(f"{folder} (compared with {next(iter(adapters.values()))})", found, layout)


def chance_level(samples: pd.DataFrame, free: FreeAnswers | None = None) -> float:
    """Expected accuracy of a uniform guess among each row's choices, or the answers that a free one may be."""
    if free is not None:
        return 1 / len(free.score.answers) if free.score.answers else 0.0
    return float((1 / samples["choices"].map(len)).mean())


def free_answers(samples: pd.DataFrame, settings: Mapping[str, Any] | None) -> FreeAnswers | None:
    """How answers to `samples` are scored, given the settings that their task has; None for those by choices."""
    if samples["choices"].map(len).all():
        if settings:
            raise ValueError(f"found choices and {' and '.join(settings)}, expected these for free answers only")
        return None
    return parse(FreeAnswers, settings or {})


def evaluate(
    *,
    experiment: str,
    held_out: str,
    base: BaseModel,
    config: EvaluationConfig,
    seed: int,
    samples_path: Path,
    adapters: Mapping[str, Path],
    prompt_samples: Mapping[str, Path],
    output: Path,
    predictions_path: Path,
    state: Path | None = None,
    free: Mapping[str, Any] | None = None,
) -> None:
    """Write the evaluation file of a held-out task and the answers it was counted from, given adapters by source.

    Test rows are looked for in `prompt_samples`, by task what was seen before: the samples that the training tasks'
    adapters learned from, and the held-out task's, whose prompts condition the generator. The file `state` is what the
    same call goes on from after an interruption. `free` are the task's settings of `FreeAnswers`.
    """
    samples = select_rows(read_samples(samples_path), config.max_rows, seed)
    answered = free_answers(samples, free)
    check_adapters(base, adapters)
    weights = [folder / WEIGHTS_FILE for folder in adapters.values()]
    inputs = [*base.files, samples_path, *prompt_samples.values(), *weights]
    settings = {"base_model": base.to_json(), **config.to_json(), **(answered.to_json() if answered else {})}
    record = provenance("evaluate", settings, inputs, seed)
    device = best_device()
    guard = {**record, "sources": _hashes(adapters), "device": device.type}
    with SavedState(state, guard) as saved:
        report = reporter(f"answers on {held_out}")
        predictions = predict(base, samples, adapters, config, device, report, saved, answered)
        found = overlap({task: read_samples(path) for task, path in prompt_samples.items()}, samples)
        chance, split = chance_level(samples, answered), samples_path.stem
        result = evaluation_file(predictions, experiment, held_out, split, chance, found, seed)
        with transaction():
            write_table(predictions_path, predictions, {"held_out": held_out, "provenance": record})
            write_record(output, {**result, "provenance": record})


def _hashes(adapters: Mapping[str, Path]) -> list[list[str]]:
    """Of every source in order, its name and what its adapter consists of."""
    return [
        [source, *(sha256(folder / name) for name in (CONFIG_FILE, WEIGHTS_FILE))]
        for source, folder in adapters.items()
    ]
