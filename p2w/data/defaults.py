"""What a task entry that is only a file of questions leaves unsaid."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from p2w.config.tasks import Answer, Choices, Task

SYSTEM = {"choices": "Pick the right choice.", "response": "Answer the question."}


def complete(task: Task, columns: Iterable[str]) -> tuple[Task, dict[str, Any]]:
    """A task whose entry says how a row becomes a sample, and what of it was not said but taken from its columns.

    Args:
        task: an entry, with a question or without.
        columns: of the raw table, which are those of `p2w.data.questions` if the entry has no question.
    """
    if task.question is not None:
        return task, {}
    taken: dict[str, Any] = {"id": "id", "question": "{question}"}
    if "choices" in columns:
        taken |= {"choices": Choices(list="choices"), "answer": Answer("answer", "index0", optional=True)}
        taken |= {} if task.system else {"system": SYSTEM["choices"]}
        return replace(task, **taken), {**taken, "format": task.format}
    taken |= {"response": "{response}", "optional": True} | ({} if task.system else {"system": SYSTEM["response"]})
    return replace(task, **taken, format=None), taken
