"""The task table: one entry says where a dataset lives and how its rows become samples."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from p2w.config.settings import parse
from p2w.config.yaml_files import read_yaml

SPLITS = ("train", "validation", "test")
QUESTION_FORMAT = "bracket_letter"  # of a file of questions whose entry names none


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
class HubDataset:
    """A dataset on the Hub at a pinned revision: one of its configs, or files by the dataset's own split names.

    `sha256` pins a split that is one file; the Hub's own hash is checked in any case.
    """

    dataset: str
    revision: str
    config: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch("[^/]+/[^/]+", self.dataset):
            raise ValueError(f"dataset: found {self.dataset!r}, expected owner/name")
        if not re.fullmatch("[0-9a-f]{40}", self.revision):
            raise ValueError(f"revision: found {self.revision!r}, expected a commit of 40 hex digits")
        if self.files and self.config is not None:
            raise ValueError("found config and files, expected one of them")
        _check_pins(self.sha256, self.files)


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
    encoding: Literal["label", "index0", "index1", "boolean", "choice"]
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a task's rows live: a dataset on the Hub, or files of one's own, by path or http(s) address.

    `file` is one file, which is divided into train and test; `files` are one for each split; `folder` holds the splits
    under the names that `datasets` knows. `splits` says which of the dataset's own splits is P2W's, `id` which column identifies a row (without it rows are numbered).
    """

    hub: HubDataset | None = None
    file: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    folder: str | None = None
    sha256: dict[str, str] | str = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    id: str | None = None

    def __post_init__(self) -> None:
        places = {"hub": self.hub, "file": self.file, "files": self.files, "folder": self.folder}
        given = [name for name, place in places.items() if place]
        if len(given) > 1:
            raise ValueError(f"found {' and '.join(given)}, expected exactly one of {', '.join(places)}")
        if isinstance(self.sha256, str) != (self.file is not None) and self.sha256:
            raise ValueError("sha256: expected the hash of the file, or with files one for each split")
        _check_pins({"": self.sha256} if isinstance(self.sha256, str) else self.sha256, {**self.files, "": ""})
        for address in (self.file, *self.files.values()):
            if address and "@" in urlsplit(address).netloc:
                raise ValueError("found a user in an address, expected one without; a file of results would hold it")
        if not self.splits and self.hub is None:
            names = [name for name in SPLITS if name in self.files] if self.files else ["train", "test"]
            object.__setattr__(self, "splits", {name: name for name in names})
        unknown = sorted(set(self.splits) - set(SPLITS))
        if unknown or "train" not in self.splits:
            raise ValueError(f"splits: found {sorted(self.splits)}, expected train and any of validation, test")
        if self.file and not set(self.splits.values()) <= {"train", "test"}:
            raise ValueError(f"splits: found {self.splits}, expected train and test, into which one file is divided")

    def raw_split(self, split: str) -> str:
        """The dataset's own split behind a P2W split; ValueError lists what exists."""
        if split not in self.splits:
            raise ValueError(f"no split {split!r}; splits: {', '.join(self.splits)}")
        return self.splits[split]


@dataclass(frozen=True, kw_only=True)
class Task(Location):
    """One entry of the task table: where its rows live, and how a row becomes a sample.

    A row is answered by one of its choices, or freely: then `response` is a text with columns, and `question` all that
    the user says; with `optional` it may be missing, as answers may with `answer.optional`. Without `question` the rows are questions as `p2w.data.questions` reads them.
    """

    question: str | None = None
    system: str | None = None
    choices: Choices | None = None
    answer: Answer | None = None
    format: str | None = None
    response: str | None = None
    optional: bool = False
    replace: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.question is None:
            given = [key for key in ("choices", "answer", "response", "id") if getattr(self, key) is not None]
            if self.hub or given:
                raise ValueError(f"missing key 'question' beside {', '.join(given or ['hub'])}")
        else:
            self._check_rendering(self.question)
        for pattern, replacement in self.replace:
            _check_replacement(pattern, replacement)

    def _check_rendering(self, question: str) -> None:
        if self.system is None:
            raise ValueError("missing key 'system'")
        missing = [key for key in ("choices", "answer", "format") if getattr(self, key) is None]
        if len(missing) != (0 if self.response is None else 3):
            found = "none" if self.response is None else "some"
            raise ValueError(f"found {found} response, missing {', '.join(missing) or 'nothing'}, "
                             "expected either choices, answer and format, or response")  # fmt: skip
        if self.answer and self.choices and (self.answer.encoding == "label") != (self.choices.labels is not None):
            raise ValueError("answer.encoding 'label' and choices.labels go together")
        if self.optional and self.response is None:
            raise ValueError("optional: found no response; expected answer.optional for an answer by choices")
        for key, template in (("question", question), ("response", self.response or question)):
            fields = _fields(template, key)
            if not fields or not all(map(str.isidentifier, fields)):
                raise ValueError(f"{key}: found {template!r}, expected a text with columns as {{name}}")


@dataclass(frozen=True)
class TaskTable:
    """All tasks and answer formats."""

    formats: dict[str, AnswerFormat]
    tasks: dict[str, Task]

    def __post_init__(self) -> None:
        for name, task in self.tasks.items():
            if not (task.hub or task.file or task.files or task.folder):
                raise ValueError(f"tasks.{name}: expected exactly one of hub, file, files, folder")
            if task.question is None and task.format is None and QUESTION_FORMAT not in self.formats:
                raise ValueError(f"tasks.{name}: missing key 'format'; formats: {', '.join(sorted(self.formats))}")
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


def completed(entry: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """An entry as plain values with its splits, and with its format if it is a file of questions."""
    unsaid = {"format": QUESTION_FORMAT} if task.question is None else {}
    return {**unsaid, **entry, "splits": task.splits}


def load_tasks(path: str | Path) -> TaskTable:
    """Read the task table; ValueError names file, key, found and expected."""
    return parse(TaskTable, read_yaml(path), str(path))


def _check_pins(pins: dict[str, str], files: dict[str, str]) -> None:
    for split, digest in pins.items():
        if files and split not in files:
            raise ValueError(f"sha256: no split {split!r} in files; splits: {', '.join(filter(None, files))}")
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"sha256{'.' * bool(split)}{split}: found {digest!r}, expected 64 hex digits")


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
