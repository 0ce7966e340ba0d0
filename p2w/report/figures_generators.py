"""The figure of what generators are worth: accuracy over the held-out tasks against the time that one takes to make."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes

from p2w.config.generator import KINDS
from p2w.evaluation.source_names import METHOD, NO_DECODER
from p2w.report.comparisons import Mean, accuracy_over_tasks
from p2w.report.figure_style import drawing, source_style
from p2w.report.figures_training import read_seconds
from p2w.report.generators import further_generators

Evaluation = Mapping[str, Any]

DECODER, POOLED = "decoder", ("multi_task", "multi_task_long")  # what is made in one way, without a kind
# Lines: what needs no more than the training tasks' adapters, or not even these, and the ceiling.
LINES = ("base", *(name for name in NO_DECODER[1:] if name not in POOLED), "target_trained")
APART = 0.045  # of the axis, between the names of two lines


def training_seconds(benchmarks: Sequence[Path]) -> dict[str, float]:
    """Mean seconds of a job by kind of generator, and of both `multi_task`, from `…/benchmarks/decoder/….tsv`,
    `…/benchmarks/{rule}/{kind}/….tsv` and `…/benchmarks/multi_task/….tsv`; ValueError names a file of another kind."""
    found: dict[str, list[float]] = {}
    for path in benchmarks:
        rule, inside, *_ = [*path.as_posix().rpartition("benchmarks/")[2].split("/"), ""]
        made = {DECODER: "hyperconv", **{name: name for name in POOLED}}.get(rule, inside)
        if made in (*POOLED, *KINDS):
            found.setdefault(made, []).append(read_seconds(path))
    return {made: fmean(seconds) for made, seconds in found.items()}


def by_source(seconds: Mapping[str, float], further: Sequence[str]) -> dict[str, float]:
    """The same by source: the kind that is no further generator is the one of `generated`."""
    return {made if made in (*further, *POOLED) else METHOD: cost for made, cost in seconds.items()}


def generators_figure(evaluations: Sequence[Evaluation], benchmarks: Sequence[Path], path: Path) -> None:
    """Accuracy of each generator and each `multi_task` by the seconds of making one, with the 95 % interval over rows;
    other sources are lines."""
    costs = by_source(training_seconds(benchmarks), further_generators(evaluations))
    with drawing(path, 7.5, 4.2) as figure:
        axes = figure.subplots()
        for source, seconds in costs.items():
            _point(axes, evaluations, source, seconds)
        _lines(axes, {source: accuracy_over_tasks(evaluations, source) for source in LINES})
        axes.set_xscale("log")
        axes.margins(x=0.25)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("seconds to make one, mean over held-out tasks")
        axes.set_ylabel("mean accuracy")


def _point(axes: Axes, evaluations: Sequence[Evaluation], source: str, seconds: float) -> None:
    if found := accuracy_over_tasks(evaluations, source):
        style = source_style(source)
        axes.plot([seconds] * 2, found.interval, color=style["color"], linewidth=1.4)
        axes.plot([seconds], [found.mean], markersize=8, linestyle="", **style)
        axes.annotate(source, (seconds, found.mean), (8, 4), textcoords="offset points", fontsize=9)


def _lines(axes: Axes, sources: Mapping[str, Mean | None]) -> None:
    """A line for each source, its name beside it, a little higher where another one's would be."""
    free = -math.inf
    for source, found in sorted(sources.items(), key=lambda item: item[1].mean if item[1] else 0.0):
        if found:
            axes.axhline(found.mean, color=source_style(source)["color"], linewidth=1, linestyle=(0, (4, 2)))
            place = max(found.mean, free)
            axes.annotate(source, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
            free = place + APART
