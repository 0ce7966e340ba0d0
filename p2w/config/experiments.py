"""Experiments, tasks and sources as the workflow reads them while it is parsed: nothing heavy is imported."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from p2w.config.schema import check_schema
from p2w.config.settings import overlay
from p2w.config.sources import load_sources
from p2w.config.tasks import load_tasks
from p2w.config.yaml_files import read_yaml


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
        raise ValueError(f"no {kind} {name!r}; {meant}{kind}s: {', '.join(names)}")
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
    """The experiment files of a folder; an experiment is checked when it is asked for.

    Args:
        files: name to file.
        schema: of a whole experiment.
        tasks: the task table.
        sources: names of sources.
    """

    def __init__(
        self, files: Mapping[str, Path], schema: Path, tasks: Mapping[str, Any], sources: Iterable[str]
    ) -> None:
        self.files, self._schema, self._tasks, self._sources = dict(files), read_yaml(schema), tasks, list(sources)
        self._own: dict[str, dict[str, Any]] = {}
        self._whole: dict[str, dict[str, Any]] = {}

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

    def whole(self, name: str) -> dict[str, Any]:
        """A complete, valid experiment; ValueError names its file, the key, found and expected."""
        if name not in self._whole:
            content = self.read(name)
            where = str(self.files[name])
            check_schema(content, self._schema, where)
            try:
                self._check(content)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
            self._whole[name] = content
        return self._whole[name]

    def _check(self, content: Mapping[str, Any]) -> None:
        """ValueError unless the experiment's parts fit each other and the tables."""
        known("source", content["source"], self._sources)
        for key in ("tasks", "training_tasks", "held_out"):
            for task in content.get(key, []):
                task_entry(self._tasks, task)
        epochs = content["checkpoints"]
        if epochs["first_epoch"] > epochs["epochs"]:
            raise ValueError(
                f"checkpoints.first_epoch: found {epochs['first_epoch']}, expected at most epochs ({epochs['epochs']})"
            )
        needed, most = content["decoder"]["num_prompts"], content["prompts"]["max_per_task"]
        if needed > most:
            raise ValueError(f"decoder.num_prompts: found {needed}, expected at most prompts.max_per_task ({most})")
        training = content.get("training_tasks", content["tasks"])
        for task in content.get("held_out", content["tasks"]):
            if set(training) <= {task}:
                raise ValueError(
                    f"held_out: found {task!r}, which leaves no training task, expected at least one other"
                )


# What a target's second part may be, and which of them are followed by a task.
OF_TASKS = ("samples", "adapters", "checkpoints", "embeddings", "decoder", "generated", "controls", "evaluation")
OTHERS = ("figures", "summary.md", "summary.html", "summary.csv")


def explain_target(target: str, experiments: Iterable[str], table: Mapping[str, Any]) -> None:
    """ValueError that says what is wrong with a target `results/{target}` that no rule makes."""
    where = f"results/{target}"
    experiment, _, rest = target.partition("/")
    kind, _, rest = rest.partition("/")
    try:
        known("experiment", experiment, sorted(experiments))
        known("product", kind, (*OF_TASKS, *OTHERS))
        task = rest.split("/")[0]
        for ending in (".parquet", ".json", ".predictions"):
            task = task.removesuffix(ending)
        task_entry(table, task)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    raise ValueError(f"{where}: no such file can be made; see 'Where things are' in README.md")
