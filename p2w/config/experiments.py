"""Experiments, tasks and sources as the workflow reads them while it is parsed: nothing heavy is imported."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from p2w.config.experiment import Experiment
from p2w.config.settings import overlay, parse
from p2w.config.sources import load_sources
from p2w.config.suites import load_tasks
from p2w.config.yaml_files import read_yaml

MOST_LISTED = 40  # names in a message


def read_task_table(path: Path) -> dict[str, Any]:
    """The task table as plain values; ValueError names file, key, found and expected."""
    return load_tasks(path).given()


def read_sources(path: Path) -> dict[str, Any]:
    """The sources as plain values; ValueError names file, key, found and expected."""
    return {name: source.given() for name, source in load_sources(path).items()}


def find_experiments(folder: Path) -> dict[str, Path]:
    """Name of an experiment to its file, sorted by path; ValueError when two files have one name."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if path.stem in found:
            raise ValueError(f"{path}: there is an experiment of that name in {found[path.stem]}; names are unique")
        found[path.stem] = path
    return found


def known(kind: str, name: Any, names: Iterable[str]) -> str:
    """`name` if it is among `names`; ValueError with what exists, and what may be meant."""
    names = list(names)
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        more = [f"and {len(names) - MOST_LISTED} more"] if len(names) > MOST_LISTED else []
        raise ValueError(f"no {kind} {name!r}; {meant}{kind}s: {', '.join([*names[:MOST_LISTED], *more])}")
    return name


def task_entry(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A task's entry in the table; `{task}.{format}` is the task asked in another of the table's answer formats."""
    task, _, form = name.partition(".")
    entry = table["tasks"][known("task", task, table["tasks"])]
    if not form:
        return entry
    known("format", form, table["formats"])
    if "format" not in entry:
        raise ValueError(f"task {task!r} is answered freely, so it has no format {form!r}")
    return {**entry, "format": form}


class Experiments:
    """Experiment files by name, with the task table and the names of sources; one is checked when it is asked for."""

    def __init__(self, files: Mapping[str, Path], tasks: Mapping[str, Any], sources: Iterable[str]) -> None:
        self.files, self.tasks, self._sources = dict(files), tasks, list(sources)
        self._own: dict[str, dict[str, Any]] = {}
        self._whole: dict[str, Experiment] = {}

    def own(self, name: str) -> dict[str, Any]:
        """What an experiment's file says by itself."""
        if name not in self._own:
            self._own[name] = read_yaml(self.files[known("experiment", name, sorted(self.files))])
        return self._own[name]

    def parent(self, name: str) -> str | None:
        """The experiment that this one inherits from."""
        return self.own(name).get("inherits")

    def read(self, name: str, heirs: tuple[str, ...] = ()) -> dict[str, Any]:
        """An experiment laid over the one it inherits from, not checked yet; ValueError on a circle."""
        content, parent = dict(self.own(name)), self.parent(name)
        content.pop("inherits", None)
        if parent is None:
            return content
        if parent in (name, *heirs):
            raise ValueError(f"{self.files[name]}: inherits: {' -> '.join((*heirs, name, parent))} is a circle")
        try:
            known("experiment", parent, sorted(self.files))
        except ValueError as error:
            raise ValueError(f"{self.files[name]}: inherits: {error}") from error
        return overlay(self.read(parent, (*heirs, name)), content)

    def whole(self, name: str) -> Experiment:
        """A complete, valid experiment; ValueError names its file, the key, found and expected."""
        if name not in self._whole:
            content, where = self.read(name), str(self.files[name])
            experiment = parse(Experiment, content, where)
            try:
                self._check_names(experiment)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
            self._whole[name] = experiment
        return self._whole[name]

    def held_out_in(self, name: str, turn: str) -> tuple[str, ...]:
        """The tasks that an experiment holds out together with a task, or in a group; ValueError on neither."""
        experiment = self.whole(name)
        if turn not in experiment.turns:
            task_entry(self.tasks, turn)
        return experiment.held_out_in(turn)

    def _check_names(self, experiment: Experiment) -> None:
        """ValueError unless the source and the tasks of an experiment exist."""
        known("source", experiment.source, self._sources)
        for tasks in (experiment.tasks, experiment.training_tasks, experiment.takes_turns):
            for task in tasks or ():
                task_entry(self.tasks, task)
        for group in experiment.groups:
            if group in self.tasks["tasks"]:
                raise ValueError(f"held_out: found a group {group!r}, expected a name that no task has")
