"""The task table in files: every suite is a part of it and says once what its entries have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from p2w.config.answer_formats import AnswerFormat
from p2w.config.places import is_address
from p2w.config.settings import Name, Settings, Text, parse
from p2w.config.tasks import Task, TaskTable
from p2w.config.yaml_files import read_yaml

Entry = dict[str, Any]


class Suite(Settings):
    """What a file of the task table says: `base` stands before every `file` and `files` of its entries that is a
    relative path, and `defaults` are keys of an entry wherever it does not say them itself."""

    formats: dict[Name, AnswerFormat] | None = Field(default_factory=dict)
    base: Text | None = None
    defaults: Entry = Field(default_factory=dict)
    tasks: dict[Name, Entry] | None = Field(default_factory=dict)

    @field_validator("defaults")
    @classmethod
    def _check_defaults(cls, defaults: Entry) -> Entry:
        if unknown := [key for key in defaults if key not in Task.model_fields]:
            raise ValueError(f"unknown key {unknown[0]!r}; known keys: {', '.join(Task.model_fields)}")
        return defaults

    @model_validator(mode="after")
    def _check_base(self) -> "Suite":
        if self.base and self.entries() == Suite(tasks=self.tasks, defaults=self.defaults).entries():
            raise ValueError(f"base: found {self.base!r} and no relative file or files, expected one to stand before")
        return self

    def entries(self) -> dict[str, Entry]:
        """The entries, whole."""
        return {name: self._placed({**self.defaults, **entry}) for name, entry in (self.tasks or {}).items()}

    def _placed(self, entry: Entry) -> Entry:
        moved = {"file": self._place(entry.get("file"))}
        if isinstance(files := entry.get("files"), Mapping):
            moved["files"] = {split: self._place(file) for split, file in files.items()}
        return {**entry, **{key: place for key, place in moved.items() if key in entry}}

    def _place(self, file: Any) -> Any:
        """Where a file is; a value of another type is left to those who check entries."""
        if self.base is None or not isinstance(file, str) or is_address(file) or Path(file).is_absolute():
            return file
        return f"{self.base.rstrip('/')}/{file}"


def load_tasks(place: str | Path) -> TaskTable:
    """Read the task table, a folder of suites or one of them; ValueError names file, key, found and expected."""
    files = sorted(Path(place).glob("*.yaml")) if Path(place).is_dir() else [Path(place)]
    suites = {file: parse(Suite, read_yaml(file), str(file)) for file in files}
    formats = _joined("formats", {file: suite.formats or {} for file, suite in suites.items()})
    parts = {file: _tasks(file, suite, formats) for file, suite in suites.items()}
    tasks = _joined("tasks", parts)
    if not tasks:
        raise ValueError(f"{place}: found no task, expected at least one")
    return TaskTable(formats=formats, tasks=tasks)


def _tasks(file: Path, suite: Suite, formats: Mapping[str, AnswerFormat]) -> Mapping[str, Task]:
    return parse(TaskTable, {"formats": formats, "tasks": suite.entries()}, str(file)).tasks


def _joined(key: str, parts: Mapping[Path, Mapping[str, Any]]) -> dict[str, Any]:
    """All parts as one; ValueError where two of them have a name in common."""
    owners: dict[str, Path] = {}
    for file, part in parts.items():
        for name in part:
            if name in owners:
                raise ValueError(f"{file}: {key}.{name}: found in {owners[name]} too, expected names in one file only")
            owners[name] = file
    return {name: value for part in parts.values() for name, value in part.items()}
