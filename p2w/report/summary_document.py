"""The summary of an experiment as a text: tables, comparisons, protocol, and what the numbers say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from p2w.evaluation.source_names import MEANING, METHOD, tabled
from p2w.report.comparisons import Difference, of_task, over_tasks
from p2w.report.document import Block, Bullets, Figure, Heading, Table, Text, grid
from p2w.report.findings import findings, mean, signed
from p2w.report.paper_numbers import ABSENT, PaperNumbers, paper_blocks

Evaluation = Mapping[str, Any]

MEAN = "mean"


def summary_blocks(
    evaluations: Sequence[Evaluation], paper: PaperNumbers | None = None, figures: Mapping[Path, str] | None = None
) -> list[Block]:
    """Everything that the summary says, in order.

    Args:
        evaluations: evaluation files of one experiment; a source may be missing from some of them.
        paper: published numbers, shown where they are about the same base model and task.
        figures: images with their captions.

    Raises:
        ValueError: no evaluation, or those of several experiments.
    """
    names = sorted({evaluation["experiment"] for evaluation in evaluations})
    if len(names) != 1:
        raise ValueError(f"summary: found evaluations of {names or 'no experiment'}, expected those of one experiment")
    scores = [Heading(f"{names[0]}: accuracy on held-out tasks", 1), *_accuracy(evaluations)]
    said = [Heading("What this says"), Bullets(tuple(findings(evaluations)))]
    shares = [
        *_metric(evaluations, "Valid answers", "valid"),
        *_metric(evaluations, "Choice accuracy", "choice_accuracy"),
    ]
    optional = [
        *_metric(evaluations, "Accuracy by the text of the choices", "choice_text_accuracy"),
        *_metric(evaluations, "Accuracy by the published scorer", "official"),
    ]
    images = [Heading("Figures"), *(Figure(path, caption) for path, caption in (figures or {}).items())]
    return [
        *scores,
        *said,
        *(images if figures else []),
        *shares,
        *optional,
        *_comparisons(evaluations),
        *_spread(evaluations),
        *(paper_blocks(paper, evaluations) if paper else []),
        *_overlap(evaluations),
        *_sources(evaluations),
        *_protocol(evaluations),
    ]


def _names(evaluations: Sequence[Evaluation]) -> list[str]:
    """Sources of all evaluations: as the first one orders them, those that it lacks at the end."""
    return tabled(name for evaluation in evaluations for name in evaluation["sources"])


def _by_task(evaluations: Sequence[Evaluation]) -> dict[str, Evaluation]:
    return {evaluation["held_out"]: evaluation for evaluation in evaluations}


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3f}"


def _accuracy(evaluations: Sequence[Evaluation]) -> list[Block]:
    by_task = _by_task(evaluations)
    lines = {"*chance*": {task: evaluation["chance"] for task, evaluation in by_task.items()}}
    majority = {task: e["majority"]["accuracy"] for task, e in by_task.items() if "majority" in e}
    lines |= {"*majority*": majority} if majority else {}

    def cell(row: str, task: str) -> str:
        if row in lines:
            values = [*lines[row].values()]
            return _number(sum(values) / len(values) if task == MEAN else lines[row].get(task))
        if task == MEAN:
            return _number(mean(evaluations, row))
        return _number(by_task[task]["sources"].get(row, {}).get("accuracy"))

    table = grid("source", [*_names(evaluations), *lines], [*by_task, MEAN], cell)
    note = (
        "Share of the rows that are answered rightly and in the form asked. *chance*: a guess among each row's choices;"
        " *majority*: the answer that is most often right, given to every row. " + _incomplete(evaluations)
    )
    return [table, Text(note.strip())]


def _incomplete(evaluations: Sequence[Evaluation]) -> str:
    count = {name: sum(name in e["sources"] for e in evaluations) for name in _names(evaluations)}
    missing = [f"`{name}` ({number})" for name, number in count.items() if number < len(evaluations)]
    return f"Not evaluated on every task, the mean is over fewer: {', '.join(missing)}." if missing else ""


def _metric(evaluations: Sequence[Evaluation], title: str, metric: str) -> list[Block]:
    by_task = _by_task(evaluations)
    names = [name for name in _names(evaluations) if mean(evaluations, name, metric) is not None]
    if not names:
        return []

    def cell(row: str, task: str) -> str:
        if task == MEAN:
            return _number(mean(evaluations, row, metric))
        return _number(by_task[task]["sources"].get(row, {}).get(metric))

    return [Heading(title), grid("source", names, [*by_task, MEAN], cell)]


def _comparisons(evaluations: Sequence[Evaluation]) -> list[Block]:
    by_task = _by_task(evaluations)
    compared = {name for evaluation in evaluations for name in evaluation.get("comparisons", {})}
    others = [name for name in _names(evaluations) if name in compared]
    if not others:
        return []

    def difference(other: str, task: str) -> str:
        found = over_tasks(evaluations, other) if task == MEAN else of_task(by_task[task], other)
        return _difference(found)

    def p_value(other: str, task: str) -> str:
        found = by_task[task].get("comparisons", {}).get(other)
        return _p_value(found["mcnemar_p"]) if found else ABSENT

    note = (
        f"Accuracy of `{METHOD}` minus that of each other source on the same rows; in brackets the 95 % interval of a"
        " paired bootstrap over rows and adapters. * marks an interval without 0. The mean takes these tasks as given;"
        " its interval combines theirs as independent. Nothing is corrected for the number of comparisons."
    )
    exact = (
        "Exact two-sided p of McNemar's test on the rows where just one of the two is right; of several adapters, the"
        " answer of a source to a row counts as right if more than half are."
    )
    return [
        Heading(f"`{METHOD}` against the other sources"),
        grid("minus", others, [MEAN, *by_task], difference),
        Text(note),
        Heading("McNemar's test", 3),
        grid("against", others, list(by_task), p_value),
        Text(exact),
    ]


def _difference(found: Difference | None) -> str:
    if found is None:
        return ABSENT
    if found.interval is None:
        return signed(found.mean)
    low, high = found.interval
    return f"{signed(found.mean)} [{signed(low)}, {signed(high)}]{' *' if found.sign else ''}"


def _p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _spread(evaluations: Sequence[Evaluation]) -> list[Block]:
    by_task = _by_task(evaluations)
    kinds = {"draws": "std_over_draws", "seeds": "std_over_seeds"}
    rows = {
        f"`{name}`, over {kind}": (name, key)
        for name in _names(evaluations)
        for kind, key in kinds.items()
        if mean(evaluations, name, key) is not None
    }
    if not rows:
        return []

    def cell(row: str, task: str) -> str:
        name, key = rows[row]
        return _number(by_task[task]["sources"].get(name, {}).get(key))

    return [Heading("Standard deviation of the accuracy"), grid("source", list(rows), list(by_task), cell)]


def _overlap(evaluations: Sequence[Evaluation]) -> list[Block]:
    checked = {e["held_out"]: e["overlap"] for e in evaluations if e.get("overlap")}
    if not checked:
        return []
    ngram = next(iter(checked.values()))["ngram"]
    found = [
        f"{held_out}: {counts['exact']} of {_by_task(evaluations)[held_out]['n']} test rows stand word for word in the"
        f" training samples of {task}, {counts['ngram']} share {ngram} words in a row with them."
        for held_out, check in checked.items()
        for task, counts in check["tasks"].items()
        if counts["exact"] or counts["ngram"]
    ]
    none = f"No test row shares {ngram} words in a row with a training sample of another task."
    return [Heading("Overlap of test rows with training samples"), Bullets(tuple(found)) if found else Text(none)]


def _sources(evaluations: Sequence[Evaluation]) -> list[Block]:
    rows = tuple((f"`{name}`", MEANING.get(name, "")) for name in _names(evaluations))
    return [Heading("The sources"), Table(("source", "what it is"), rows, words=True)]


def _protocol(evaluations: Sequence[Evaluation]) -> list[Block]:
    counts = {(e["n"], e["split"]) for e in evaluations}
    rows = ", ".join(f"{e['held_out']} {e['n']} ({e['split']})" for e in evaluations)
    if len(counts) == 1:
        rows = "{} {} rows of each held-out task".format(*counts.pop())
    seeds = sorted({e["provenance"]["seed"] for e in evaluations if "provenance" in e})
    drawn = [e["sources"][METHOD] for e in evaluations if METHOD in e["sources"]]
    draws = sorted({result["draws"] for result in drawn if "draws" in result})
    decoders = sorted({result.get("seeds", 1) for result in drawn})
    made = f"`{METHOD}` is {_numbers(draws)} draws of prompts from each of {_numbers(decoders)} decoder seeds. "
    return [
        Heading("Protocol"),
        Text(
            f"Scored: {rows}. Every source answers the same rows with the same prompts, under the base model's own"
            " chat template, greedily. An answer counts if it is exactly one of the responses that the prompt asks for,"
            " white space around it aside (`valid`); choice accuracy takes the most likely of these responses instead."
            f" The decoder of a held-out task sees adapters and prompts of the other tasks. {made if drawn else ''}It"
            " is given unlabelled prompts of the held-out task's train split, never a test row, and trains for a fixed"
            f" number of steps. Seed of the experiment: {_numbers(seeds)}. Nothing is chosen by a score on these rows"
            " but `best_trained`."
        ),
    ]


def _numbers(values: Sequence[int]) -> str:
    return " or ".join(map(str, values)) or "an unknown number of"
