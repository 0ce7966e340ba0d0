"""What a task entry that is only a file of questions leaves unsaid."""

from collections.abc import Iterable
from typing import Any

from p2w.config.settings import parse
from p2w.config.tasks import Task

CHOICES: dict[str, Any] = {
    "id": "id",
    "question": "{question}",
    "choices": {"list": "choices"},
    "answer": {"column": "answer", "encoding": "index0", "optional": True},
    "system": "Pick the right choice.",
}
FREE: dict[str, Any] = {
    "id": "id",
    "question": "{question}",
    "response": "{response}",
    "optional": True,
    "system": "Answer the question.",
}


def complete(task: Task, columns: Iterable[str]) -> tuple[Task, dict[str, Any]]:
    """A task whose entry says how a row becomes a sample, and what of it was not said but taken from its columns.

    `columns` are the raw table's: those of `p2w.data.questions` if the entry has no question.
    """
    if task.question is not None:
        return task, {}
    said = task.given()
    if "choices" in columns:
        taken = {key: value for key, value in CHOICES.items() if key not in said}
        return parse(Task, {**said, **taken}), {**taken, "format": said["format"]}
    del said["format"]  # of choices
    taken = {key: value for key, value in FREE.items() if key not in said}
    return parse(Task, {**said, **taken}), taken
