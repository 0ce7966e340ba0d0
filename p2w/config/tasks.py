"""The task table: one entry says where a dataset lives and how its rows become samples."""

import re
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from p2w.config.settings import parse
from p2w.config.yaml_files import read_yaml

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class AnswerFormat:
    """How an answer is asked for and written; `labels` name the choices by position."""

    labels: tuple[str, ...]
    choice: str
    response: str
    prompt: str

    def __post_init__(self) -> None:
        _only_fields("choice", self.choice, {"label", "choice"})
        _only_fields("response", self.response, {"label", "choice"})
        _only_fields("prompt", self.prompt, {"question", "choices", "answers"})
        if len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError(f"labels: found {list(self.labels)}, expected at least 2 distinct labels")
        if not _fields(self.response, "response"):
            raise ValueError(f"response: found {self.response!r}, expected a text with {{label}} or {{choice}}")


@dataclass(frozen=True)
class HubFiles:
    """Parquet files of a Hub dataset at a pinned revision, by the dataset's own split names."""

    dataset: str
    revision: str
    files: dict[str, str]
    sha256: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{40}", self.revision):
            raise ValueError(f"revision: found {self.revision!r}, expected a commit of 40 hex digits")
        for split, digest in self.sha256.items():
            if split not in self.files:
                raise ValueError(f"sha256: no split {split!r} in files; splits: {', '.join(self.files)}")
            if not re.fullmatch("[0-9a-f]{64}", digest):
                raise ValueError(f"sha256.{split}: found {digest!r}, expected 64 hex digits")


@dataclass(frozen=True)
class Choices:
    """Where the choices stand: a list column (with the labels that its answers use), columns, or fixed texts."""

    list: str | None = None
    labels: str | None = None
    columns: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if sum(map(bool, (self.list, self.columns, self.fixed))) != 1:
            raise ValueError("choices: expected exactly one of list, columns, fixed")


@dataclass(frozen=True)
class Answer:
    """Which column holds the answer and how it is encoded."""

    column: str
    encoding: Literal["label", "index0", "index1", "boolean"]
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a task's rows live: files on the Hub or the user's own JSON, and P2W's split -> the dataset's own."""

    splits: dict[str, str]
    hub: HubFiles | None = None
    json: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.splits) - set(SPLITS))
        if unknown or "train" not in self.splits:
            raise ValueError(f"splits: found {sorted(self.splits)}, expected train and any of validation, test")

    def raw_split(self, split: str) -> str:
        """The dataset's own split behind a P2W split; ValueError lists what exists."""
        if split not in self.splits:
            raise ValueError(f"no split {split!r}; splits: {', '.join(self.splits)}")
        return self.splits[split]


@dataclass(frozen=True, kw_only=True)
class Task(Location):
    """One entry of the task table: where its rows live, and how a row becomes a sample.

    A row is answered by one of its choices, or freely: then `response` is a text with columns, and `question` all that
    the user says.
    """

    question: str
    system: str
    choices: Choices | None = None
    answer: Answer | None = None
    format: str | None = None
    response: str | None = None
    id: str | None = None
    replace: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        missing = [key for key in ("choices", "answer", "format") if getattr(self, key) is None]
        if len(missing) != (0 if self.response is None else 3):
            found = "none" if self.response is None else "some"
            raise ValueError(f"found {found} response, missing {', '.join(missing) or 'nothing'}, "
                             "expected either choices, answer and format, or response")  # fmt: skip
        if self.answer and self.choices and (self.answer.encoding == "label") != (self.choices.labels is not None):
            raise ValueError("answer.encoding 'label' and choices.labels go together")
        for key, template in (("question", self.question), ("response", self.response or self.question)):
            fields = _fields(template, key)
            if not fields or not all(map(str.isidentifier, fields)):
                raise ValueError(f"{key}: found {template!r}, expected a text with columns as {{name}}")
        for pattern, replacement in self.replace:
            _check_replacement(pattern, replacement)


@dataclass(frozen=True)
class TaskTable:
    """All tasks and answer formats."""

    formats: dict[str, AnswerFormat]
    tasks: dict[str, Task]

    def __post_init__(self) -> None:
        for name, task in self.tasks.items():
            if (task.hub is None) == (not task.json):
                raise ValueError(f"tasks.{name}: expected exactly one of hub, json")
            if task.format not in (None, *self.formats):
                raise ValueError(
                    f"tasks.{name}.format: no format {task.format!r}; formats: {', '.join(sorted(self.formats))}"
                )

    def entry(self, name: str) -> tuple[Task, AnswerFormat | None]:
        """A task with its answer format, which a freely answered one does not have; ValueError lists what exists."""
        if name not in self.tasks:
            raise ValueError(f"no task {name!r}; tasks: {', '.join(sorted(self.tasks))}")
        task = self.tasks[name]
        return task, None if task.format is None else self.formats[task.format]


def load_tasks(path: str | Path) -> TaskTable:
    """Read the task table; ValueError names file, key, found and expected."""
    return parse(TaskTable, read_yaml(path), str(path))


def _only_fields(name: str, template: str, allowed: set[str]) -> None:
    unknown = sorted(_fields(template, name) - allowed)
    if unknown:
        raise ValueError(f"{name}: unknown field {unknown}; fields: {sorted(allowed)}")


def _fields(template: str, name: str) -> set[str]:
    """Names of the fields of a format string; ValueError when it is not one."""
    try:
        fields = {key for _, key, _, _ in string.Formatter().parse(template) if key is not None}
        if all(map(str.isidentifier, fields)):
            template.format_map(dict.fromkeys(fields, ""))
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{name}: found {template!r}, expected a text with fields as {{name}} ({error})") from error
    return fields


def _check_replacement(pattern: str, replacement: str) -> None:
    try:
        re.sub(pattern, replacement, "")
    except (re.error, IndexError) as error:
        raise ValueError(f"replace: {pattern!r}, {replacement!r}: not a regular expression ({error})") from error
