"""The paper's published accuracies beside ours, only for the same base model and tasks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from p2w.config.settings import Number, Settings, parse
from p2w.config.yaml_files import read_yaml
from p2w.report.document import bullets, grid

ABSENT = "–"


class PaperNumbers(Settings):
    """Accuracies in percent by source and task; `void`: tasks whose column means something else, and why."""

    source: str
    base_model: str
    accuracy: dict[str, dict[str, Number]]
    void: dict[str, str] = Field(default_factory=dict)


def read_paper_numbers(path: str | Path) -> PaperNumbers:
    """Read and check the file of published numbers; ValueError names it."""
    return parse(PaperNumbers, read_yaml(path), str(path))


def comparable(paper: PaperNumbers, evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Held-out tasks that the paper reports too, for the paper's base model; otherwise none."""
    known = {task for row in paper.accuracy.values() for task in row} | set(paper.void)
    return [
        evaluation["held_out"]
        for evaluation in evaluations
        if evaluation["held_out"] in known and _base_model(evaluation) == paper.base_model
    ]


def _base_model(evaluation: Mapping[str, Any]) -> str | None:
    return evaluation.get("provenance", {}).get("config", {}).get("base_model", {}).get("hub")


def paper_section(paper: PaperNumbers, evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """A section with both numbers; nothing if no task is comparable."""
    tasks = comparable(paper, evaluations)
    if not tasks:
        return []
    results = [evaluation["sources"] for evaluation in evaluations if evaluation["held_out"] in tasks]
    rows = {}
    for source, theirs in paper.accuracy.items():
        known = {task: percent / 100 for task, percent in theirs.items()}
        rows[f"`{source}`, paper"] = ["void" if task in paper.void else share(known.get(task)) for task in tasks]
        for kind, metric in (("ours", "accuracy"), ("ours, published scorer", "official")):
            rows[f"`{source}`, {kind}"] = [share(ours.get(source, {}).get(metric)) for ours in results]
    void = [f"{task} is void in the paper: {reason}." for task, reason in paper.void.items() if task in tasks]
    notes = (
        f"{paper.source}. Not the same protocol: the paper samples one answer per row at temperature 0.95 under another"
        " chat template and reads it with its own scorer; P2W decodes greedily under the model's own template. The"
        " third line of each source has our answers read by the published scorer."
    )
    return [
        "## The paper's numbers beside ours",
        grid("source", tasks, rows),
        notes,
        *([bullets(void)] if void else []),
    ]


def share(value: float | None) -> str:
    """A share with three digits, or a dash."""
    return ABSENT if value is None else f"{value:.3f}"
