"""The summary of an experiment as a markdown text: tables, comparisons, protocol, and what the numbers say."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from p2w.evaluation.source_names import METHOD, tabled
from p2w.report.comparisons import Mean, accuracy_over_tasks, comparisons, of_task, over_tasks
from p2w.report.document import bullets, grid, table
from p2w.report.findings import findings
from p2w.report.generators import further_generators, meaning
from p2w.report.paper_numbers import PaperNumbers, paper_section, share
from p2w.report.protocol import protocol
from p2w.report.resampled import Resampled, resampled_section
from p2w.report.sentences import mean, p_value, signed, values

Evaluation = Mapping[str, Any]
Cells = Mapping[str, Sequence[float | None]]  # by row, a number for each held-out task

ACCURACY = (
    "Share of the rows that are answered rightly and in the form asked. *chance*: a guess among each row's choices, or"
    " among the answers of a closed set; *majority*: the answer that is most often right, given to every row."
)
COMPARED = (
    f"Accuracy of `{METHOD}` minus that of each other source on the same rows; in brackets the 95 % interval of a"
    " paired bootstrap over rows and adapters. * marks an interval without 0. The mean takes these tasks as given;"
    " its interval combines theirs as independent. Nothing is corrected for the number of comparisons."
)
OVER_TASKS = (
    "Means over the held-out tasks, with two 95 % intervals: *rows* takes these tasks as given and speaks of other rows"
    " of theirs; *tasks* takes them as a sample and speaks of other tasks like them (Student's, of the tasks' means). p"
    f" is Fisher's: how often a mean difference as large comes of giving each task's `{METHOD}` minus the source a sign"
    " at random. Ceilings and `base` stand among the sources to show the room there is."
)
EXACT = (
    "Exact two-sided p of McNemar's test on the rows where just one of the two is right; of several adapters, the"
    " answer of a source to a row counts as right if more than half are."
)


def summary_text(
    evaluations: Sequence[Evaluation],
    paper: PaperNumbers | None = None,
    figures: Mapping[str, str] | None = None,
    resampled: Resampled | None = None,
) -> str:
    """Everything that the summary says, in order. Raises ValueError: no evaluation, or those of several experiments.

    A source may be missing from some evaluations. The paper's numbers are shown where they are about the same base
    model and task; `figures` are images, as markdown, with their captions; `resampled` is of the same evaluations.
    """
    names = sorted({evaluation["experiment"] for evaluation in evaluations})
    if len(names) != 1:
        raise ValueError(f"summary: found evaluations of {names or 'no experiment'}, expected those of one experiment")
    images = [part for figure in (figures or {}).items() for part in figure]
    further = further_generators(evaluations)
    parts = [
        f"# {names[0]}: accuracy on held-out tasks",
        *_accuracy(evaluations),
        *_over_tasks(evaluations),
        *(part for generator in further for part in _further_over_tasks(evaluations, generator)),
        *resampled_section(resampled or {}),
        "## What this says",
        bullets(findings(evaluations)),
        *(["## Figures", *images] if images else []),
        *_metric(evaluations, "Valid answers", "valid"),
        *_metric(evaluations, "Choice accuracy", "choice_accuracy"),
        *_metric(evaluations, "Accuracy by the text of the choices", "choice_text_accuracy"),
        *_metric(evaluations, "Accuracy by the published scorer", "official"),
        *(part for generator in (METHOD, *further) for part in _comparisons(evaluations, generator)),
        *_spread(evaluations),
        *(paper_section(paper, evaluations) if paper else []),
        *_overlap(evaluations),
        "## The sources",
        table(("source", "what it is"), ((f"`{n}`", meaning(n)) for n in _names(evaluations)), words=True),
        "## Protocol",
        protocol(evaluations),
    ]
    return "\n\n".join(parts) + "\n"


def _names(evaluations: Sequence[Evaluation]) -> list[str]:
    """Sources of all evaluations: as the first one orders them, those that it lacks at the end."""
    return tabled(name for evaluation in evaluations for name in evaluation["sources"])


def _numbers(evaluations: Sequence[Evaluation], rows: Cells, corner: str = "source", with_mean: bool = True) -> str:
    """A table of numbers by held-out task, and their mean over the tasks that have one."""
    columns = [*(evaluation["held_out"] for evaluation in evaluations), *(["mean"] if with_mean else [])]
    whole = {name: [*cells, mean(cells)] if with_mean else cells for name, cells in rows.items()}
    return grid(corner, columns, {name: [share(cell) for cell in cells] for name, cells in whole.items()})


def _known(evaluations: Sequence[Evaluation], metric: str) -> dict[str, list[float | None]]:
    """A metric by source, of the sources that have it anywhere."""
    rows = {name: values(evaluations, name, metric) for name in _names(evaluations)}
    return {name: cells for name, cells in rows.items() if mean(cells) is not None}


def _accuracy(evaluations: Sequence[Evaluation]) -> list[str]:
    rows = {name: values(evaluations, name) for name in _names(evaluations)}
    count = {name: sum(cell is not None for cell in cells) for name, cells in rows.items()}
    rows["*chance*"] = [evaluation["chance"] for evaluation in evaluations]
    majority = [evaluation.get("majority", {}).get("accuracy") for evaluation in evaluations]
    rows |= {"*majority*": majority} if any(cell is not None for cell in majority) else {}
    missing = ", ".join(f"`{name}` ({number})" for name, number in count.items() if number < len(evaluations))
    incomplete = f" Not evaluated on every task, the mean is over fewer: {missing}." if missing else ""
    return [_numbers(evaluations, rows), ACCURACY + incomplete]


def _over_tasks(evaluations: Sequence[Evaluation]) -> list[str]:
    """Every source over the tasks, and what the generated adapters are better by; nothing for a single task."""
    if len(evaluations) < 2:
        return []
    head = ("source", "accuracy", "rows", "tasks", "valid", f"`{METHOD}` minus it", "rows", "tasks", "p")
    rows = []
    for name in _names(evaluations):
        own, difference = accuracy_over_tasks(evaluations, name), over_tasks(evaluations, name)
        valid = share(mean(values(evaluations, name, "valid")))
        compared = _cells(difference, signed) if name != METHOD else [share(None)] * 3
        p = None if difference is None or name == METHOD else difference.p
        rows.append((name, *_cells(own, share), valid, *compared, p_value(p)))
    return ["## Over the held-out tasks", table(head, rows), OVER_TASKS]


def _further_over_tasks(evaluations: Sequence[Evaluation], generator: str) -> list[str]:
    """What a further generator is better by than every other source; nothing for a single task."""
    found = {n: over_tasks(evaluations, n, generator) for n in _names(evaluations) if n != generator}
    if len(evaluations) < 2:
        return []
    rows = [
        (n, *_cells(difference, signed), p_value(difference.p), *_won_and_lost(evaluations, n, generator))
        for n, difference in found.items()
        if difference
    ]
    head = ("source", f"`{generator}` minus it", "rows", "tasks", "p", "tasks won", "lost")
    return [f"### `{generator}` over the held-out tasks", table(head, rows)]


def _won_and_lost(evaluations: Sequence[Evaluation], other: str, generator: str) -> tuple[str, str]:
    by_task = [of_task(evaluation, other, generator) for evaluation in evaluations]
    means = [found.mean for found in by_task if found]
    return str(sum(value > 0 for value in means)), str(sum(value < 0 for value in means))


def _cells(found: Mean | None, number: Callable[[float], str]) -> list[str]:
    """A mean and its two intervals."""
    if found is None:
        return [share(None)] * 3
    intervals = (found.interval, found.over_tasks)
    return [number(found.mean), *(f"{number(i[0])} to {number(i[1])}" if i else share(None) for i in intervals)]


def _metric(evaluations: Sequence[Evaluation], title: str, metric: str) -> list[str]:
    rows = _known(evaluations, metric)
    return [f"## {title}", _numbers(evaluations, rows)] if rows else []


def _spread(evaluations: Sequence[Evaluation]) -> list[str]:
    kinds = {kind: _known(evaluations, f"std_over_{kind}") for kind in ("draws", "seeds")}
    rows = {
        f"`{name}`, over {kind}": kinds[kind][name]
        for name in _names(evaluations)
        for kind in kinds
        if name in kinds[kind]
    }
    return ["## Standard deviation of the accuracy", _numbers(evaluations, rows, with_mean=False)] if rows else []


def _comparisons(evaluations: Sequence[Evaluation], generator: str) -> list[str]:
    """A generator against the other sources by task; what the tables are is said with the first of them."""
    compared = {name for evaluation in evaluations for name in comparisons(evaluation, generator)}
    others = [name for name in _names(evaluations) if name in compared]
    if not others:
        return []
    tasks = [evaluation["held_out"] for evaluation in evaluations]

    def by_task(cell: Callable[[Evaluation, str], str]) -> dict[str, list[str]]:
        return {other: [cell(evaluation, other) for evaluation in evaluations] for other in others}

    def p_of(evaluation: Evaluation, other: str) -> str:
        return p_value(comparisons(evaluation, generator).get(other, {}).get("mcnemar_p"))

    differences = by_task(lambda evaluation, other: _difference(of_task(evaluation, other, generator)))
    means = {other: _difference(over_tasks(evaluations, other, generator)) for other in others}
    first = generator == METHOD
    return [
        f"## `{generator}` against the other sources",
        grid("minus", ["mean", *tasks], {other: [means[other], *cells] for other, cells in differences.items()}),
        *([COMPARED] if first else []),
        "### McNemar's test" if first else f"### McNemar's test of `{generator}`",
        grid("against", tasks, by_task(p_of)),
        *([EXACT] if first else []),
    ]


def _difference(found: Mean | None) -> str:
    if found is None:
        return share(None)
    if found.interval is None:
        return signed(found.mean)
    low, high = found.interval
    return f"{signed(found.mean)} [{signed(low)}, {signed(high)}]{' *' if found.sign else ''}"


def _overlap(evaluations: Sequence[Evaluation]) -> list[str]:
    checked = [evaluation for evaluation in evaluations if evaluation.get("overlap")]
    if not checked:
        return []
    ngram = checked[0]["overlap"]["ngram"]
    found = [
        f"{evaluation['held_out']}: {counts['exact']} of {evaluation['n']} test rows stand word for word in the"
        f" training samples of {task}, {counts['ngram']} share {ngram} words in a row with them."
        for evaluation in checked
        for task, counts in evaluation["overlap"]["tasks"].items()
        if counts["exact"] or counts["ngram"]
    ]
    none = f"No test row shares {ngram} words in a row with a training sample of another task."
    return ["## Overlap of test rows with training samples", bullets(found) or none]
