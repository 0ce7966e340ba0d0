"""The paper's published accuracies beside ours, only for the same base model and tasks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from p2w.config.settings import Number, Settings, parse
from p2w.config.yaml_files import read_yaml
from p2w.report.document import Block, Bullets, Heading, Text, grid

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


def paper_blocks(paper: PaperNumbers, evaluations: Sequence[Mapping[str, Any]]) -> list[Block]:
    """A section with both numbers; nothing if no task is comparable."""
    tasks = comparable(paper, evaluations)
    if not tasks:
        return []
    by_task = {evaluation["held_out"]: evaluation["sources"] for evaluation in evaluations}
    kinds = {"paper": None, "ours": "accuracy", "ours, published scorer": "official"}

    def cell(row: str, task: str) -> str:
        source, kind = row.strip("`").split("`, ", 1)
        if kind == "paper":
            value = paper.accuracy[source].get(task)
            return "void" if task in paper.void else _share(None if value is None else value / 100)
        return _share(by_task[task].get(source, {}).get(kinds[kind]))

    rows = [f"`{source}`, {kind}" for source in paper.accuracy for kind in kinds]
    notes = (
        f"{paper.source}. Not the same protocol: the paper samples one answer per row at temperature 0.95 under another"
        " chat template and reads it with its own scorer; P2W decodes greedily under the model's own template. The"
        " third line of each source has our answers read by the published scorer."
    )
    void = [f"{task} is void in the paper: {reason}." for task, reason in paper.void.items() if task in tasks]
    table = grid("source", rows, tasks, cell)
    return [Heading("The paper's numbers beside ours"), table, Text(notes), *([Bullets(tuple(void))] if void else [])]


def _share(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.3f}"
