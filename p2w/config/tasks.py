"""The task table: one entry says where a dataset lives and how its rows become samples."""

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from p2w.config.scoring import Score
from p2w.config.settings import Count, Revision, Settings, Sha256, Text, parse
from p2w.config.yaml_files import read_yaml

SPLITS = ("train", "validation", "test")
QUESTION_FORMAT = "bracket_letter"  # of a file of questions whose entry names none
Name = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]*$")]


class AnswerFormat(Settings):
    """How an answer is asked for and written; `labels` name the choices by position, their number is the most.

    `choice` is one line per choice and `response` an answer, of {label} and {choice}; `prompt` is the user's turn, of
    {question}, {choices} (one line each) and {answers} (all responses).
    """

    labels: Annotated[tuple[Text, ...], Field(min_length=2)]
    choice: str
    response: str
    prompt: str

    @model_validator(mode="after")
    def _check(self) -> "AnswerFormat":
        _only_fields("choice", self.choice, {"label", "choice"})
        _only_fields("response", self.response, {"label", "choice"})
        _only_fields("prompt", self.prompt, {"question", "choices", "answers"})
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: found {list(self.labels)}, expected distinct labels")
        if not _fields(self.response, "response"):
            raise ValueError(f"response: found {self.response!r}, expected a text with {{label}} or {{choice}}")
        return self


class HubDataset(Settings):
    """A dataset on the Hub at a pinned revision: one of its configs, or files by the dataset's own split names.

    `sha256` pins splits that are one file; the Hub's own hash is checked in any case.
    """

    dataset: Annotated[str, StringConstraints(pattern="^[^/]+/[^/]+$")]
    revision: Revision
    config: Text | None = None
    files: dict[str, Text] = Field(default_factory=dict)
    sha256: dict[str, Sha256] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "HubDataset":
        if self.files and self.config is not None:
            raise ValueError("config: found one beside files, expected one of them")
        _check_pins(self.sha256, self.files)
        return self


class Choices(Settings):
    """Where the choices stand: a list column (with the labels that its answers use), columns, or fixed texts."""

    list: Text | None = None
    labels: Text | None = None
    columns: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None
    fixed: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _check(self) -> "Choices":
        if sum(map(bool, (self.list, self.columns, self.fixed))) != 1:
            raise ValueError("expected exactly one of list, columns, fixed")
        return self


class Answer(Settings):
    """Which column holds the answer and how it is encoded: as one of the row's labels (of `choices.labels`), as a
    position counted from 0 or 1, as true or false, or as the text of the right choice."""

    column: Text
    encoding: Literal["label", "index0", "index1", "boolean", "choice"]
    optional: bool = False


class Location(Settings):
    """Where a task's rows live: a dataset on the Hub, or files of one's own, by path or http(s) address.

    `file` is one file, which is divided into train and test; `files` are one for each split; `folder` holds the splits
    under the names that `datasets` knows. `splits` says which of the dataset's own splits is P2W's, `id` which column
    identifies a row (without it rows are numbered).
    """

    hub: HubDataset | None = None
    file: Text | None = None
    files: dict[str, Text] = Field(default_factory=dict)
    folder: Text | None = None
    sha256: dict[str, Sha256] | Sha256 = Field(default_factory=dict)
    splits: dict[str, Text]
    id: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _own_splits(cls, content: Any) -> Any:
        """The splits that the user's own files have by themselves."""
        if not isinstance(content, Mapping) or "splits" in content or not {"file", "files", "folder"} & set(content):
            return content
        files = content.get("files")
        names = [name for name in SPLITS if name in files] if isinstance(files, Mapping) else ["train", "test"]
        return {**content, "splits": {name: name for name in names}}

    @field_validator("splits")
    @classmethod
    def _check_splits(cls, splits: dict[str, str]) -> dict[str, str]:
        if not {"train"} <= set(splits) <= set(SPLITS):
            raise ValueError(f"found {sorted(splits)}, expected train and any of validation, test")
        return splits

    @model_validator(mode="after")
    def _check_places(self) -> "Location":
        places = {"hub": self.hub, "file": self.file, "files": self.files, "folder": self.folder}
        if len(given := [name for name, place in places.items() if place]) > 1:
            raise ValueError(f"found {' and '.join(given)}, expected exactly one of {', '.join(places)}")
        if self.sha256 and given != (["file"] if isinstance(self.sha256, str) else ["files"]):
            raise ValueError("sha256: expected the hash of a file, or with files one for each split")
        if isinstance(self.sha256, dict):
            _check_pins(self.sha256, self.files)
        if any("@" in urlsplit(place).netloc for place in (self.file or "", *self.files.values())):
            raise ValueError("found a user in an address, expected one without: it would be in files of results")
        if self.file and not set(self.splits.values()) <= {"train", "test"}:
            raise ValueError(f"splits: found {self.splits}, expected train and test, into which one file is divided")
        return self


class Task(Location):
    """One entry of the task table: where its rows live, and how a row becomes a sample.

    A row is answered by one of its choices, or freely: then `response` is a text with columns, and `question` all that
    the user says; with `optional` it may be missing, as answers may with `answer.optional`; `score` says how such
    answers of at most `max_new_tokens` are scored. `replace` are regular expressions and what takes their place in
    questions, choices and responses. Files without `question` have rows that are questions as `p2w.data.questions`
    reads them.
    """

    question: str | None = None
    system: str | None = None
    choices: Choices | None = None
    answer: Answer | None = None
    format: Text | None = None
    response: str | None = None
    optional: bool = False
    replace: tuple[tuple[str, str], ...] = ()
    score: Score | None = None
    max_new_tokens: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _own_format(cls, content: Any) -> Any:
        """The format of questions with choices, where the entry names none."""
        questions = isinstance(content, Mapping) and "question" not in content and "hub" not in content
        return {"format": QUESTION_FORMAT, **content} if questions else content

    @model_validator(mode="after")
    def _check_rendering(self) -> "Task":
        for pattern, replacement in self.replace:
            _check_replacement(pattern, replacement)
        if (self.score is None) != (self.max_new_tokens is None):
            raise ValueError("score and max_new_tokens: found one of them, expected both, or neither")
        if self.question is None:
            given = [key for key in ("hub", "choices", "answer", "response", "id") if getattr(self, key) is not None]
            if given:
                raise ValueError(f"missing key 'question', expected one beside {', '.join(given)}")
            return self
        if self.system is None:
            raise ValueError("missing key 'system'")
        missing = [key for key in ("choices", "answer", "format") if getattr(self, key) is None]
        if len(missing) != (0 if self.response is None else 3):
            found = "none" if self.response is None else "some"
            raise ValueError(f"found {found} response, missing {', '.join(missing) or 'nothing'}, "
                             "expected either choices, answer and format, or response")  # fmt: skip
        if self.optional and self.response is None:
            raise ValueError("optional: found no response, expected answer.optional for an answer by choices")
        if self.answer and self.choices and (self.answer.encoding == "label") != (self.choices.labels is not None):
            raise ValueError("answer.encoding 'label' and choices.labels go together")
        if self.score and self.response is None:
            raise ValueError("score: found one beside choices, expected one beside response only")
        for key, template in (("question", self.question), ("response", self.response or self.question)):
            fields = _fields(template, key)
            if not fields or not all(map(str.isidentifier, fields)):
                raise ValueError(f"{key}: found {template!r}, expected a text with columns as {{name}}")
        return self


class TaskTable(Settings):
    """All tasks and answer formats by name; a dot would stand between a task and its format."""

    formats: dict[Name, AnswerFormat]
    tasks: dict[Name, Task]

    @model_validator(mode="after")
    def _check(self) -> "TaskTable":
        for name, task in self.tasks.items():
            if not (task.hub or task.file or task.files or task.folder):
                raise ValueError(f"tasks.{name}: expected exactly one of hub, file, files, folder")
            if task.format not in (None, *self.formats):
                known = ", ".join(sorted(self.formats))
                raise ValueError(f"tasks.{name}.format: no format {task.format!r}; formats: {known}")
        return self

    def entry(self, name: str) -> tuple[Task, AnswerFormat | None]:
        """A task with its answer format, which a freely answered one does not have; ValueError lists what exists."""
        if name not in self.tasks:
            raise ValueError(f"no task {name!r}; tasks: {', '.join(sorted(self.tasks))}")
        task = self.tasks[name]
        return task, None if task.format is None else self.formats[task.format]


def load_tasks(path: str | Path) -> TaskTable:
    """Read the task table; ValueError names file, key, found and expected."""
    return parse(TaskTable, read_yaml(path), str(path))


def _check_pins(pins: Mapping[str, str], files: Mapping[str, str]) -> None:
    for split in pins:
        if files and split not in files:
            raise ValueError(f"sha256: no split {split!r} in files; splits: {', '.join(files)}")


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
