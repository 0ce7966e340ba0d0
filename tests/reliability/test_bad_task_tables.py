"""Bad task tables and tables of sources: what a user of the workflow reads."""

import yaml

from p2w.config.experiments import read_sources, read_task_table
from tests.support.refusals import each, refused
from tests.support.workspace import PROJECT

CONFIG = PROJECT / "config"
TASKS = read_task_table(CONFIG / "tasks")
SOURCES = read_sources(CONFIG / "sources.yaml")


TABLE = {
    "unknown section": (lambda t: {**t, "task": {}}, r"unknown key 'task'; known keys: formats, base, defaults, tasks"),
    "name with a dot": (lambda t: with_task(t, "a.b"), r"tasks: found the name 'a\.b', expected one that matches"),
    "unknown key": (lambda t: with_task(t, quesiton="x"),
                    r"tasks\.mine: unknown key 'quesiton'; known keys: hub, file"),
    "no question": (lambda t: with_task(t, question=None), r"mine: missing key 'question', expected one beside ch"),
    "no files": (lambda t: with_task(t, files=None), r"tasks\.mine: expected exactly one of hub, file, files, folder"),
    "two kinds of answers": (lambda t: with_task(t, response="{a}"),
                             r"tasks\.mine: found some response, missing nothing, expected either choices, answer and"),
    "unknown format": (lambda t: with_task(t, format="words_"), r"tasks\.mine\.format: no format 'words_'; formats: "),
    "unknown split": (lambda t: with_task(t, splits={"train": "a", "dev": "b"}),
                      r"splits: found \['dev', 'train'\], expected"),
    "no train split": (lambda t: with_task(t, splits={"test": "test"}),
                       r"tasks\.mine\.splits: found \['test'\], expected"),
    "unknown encoding": (lambda t: with_task(t, answer={"column": "a", "encoding": "roman"}),
                         r"encoding: found 'roman'"),
    "broken pattern": (lambda t: with_task(t, replace=[["(", ""]]), r"tasks\.mine.*: not a regular expression"),
    "question without columns": (lambda t: with_task(t, question="Why?"), r"tasks\.mine\.question: found 'Why\?'"),
    "two kinds of choices": (lambda t: with_task(t, choices={"list": "a", "fixed": ["a", "b"]}),
                             r"expected exactly one of"),
    "one label": (lambda t: with_format(t, labels=["A"]), r"formats\.new\.labels: found \['A'\], expected a list"),
    "field of a format": (lambda t: with_format(t, choice="{x}"),
                          r"formats\.new\.choice: unknown field \['x'\]; fields"),
    "open brace": (lambda t: with_format(t, prompt="{question"), r"formats\.new\.prompt: found '\{question', expected"),
}  # fmt: skip


def with_task(content: dict, name: str = "mine", **changes: object) -> dict:
    task = {
        "files": {"train": "a.json"},
        "splits": {"train": "train"},
        "question": "{question}",
        "choices": {"list": "choices"},
        "answer": {"column": "answer", "encoding": "index0"},
        "system": "Pick.",
        "format": "digit",
    }
    kept = {key: value for key, value in {**task, **changes}.items() if value is not None}
    return {**content, "tasks": {**content["tasks"], name: kept}}


def with_format(content: dict, **changes: object) -> dict:
    return {**content, "formats": {**content["formats"], "new": {**content["formats"]["digit"], **changes}}}


@each(TABLE)
def test_a_bad_task_table_is_answered_in_one_line(given, message, tmp_path, tally):
    tally("bad inputs")
    path = tmp_path / "tasks.yaml"
    path.write_text(yaml.safe_dump(given(TASKS)))
    refused(lambda: read_task_table(path), path, message)


SOURCE = {
    "unknown kind": ({"x": {"kind": "ftp"}}, r"found 'ftp', expected one of 'hub', 'local', 'pocket', 'files'"),
    "no kind": ({"x": {}}, r"x: missing key 'kind'"),
    "unknown key": ({"x": {"kind": "hub", "url": "y"}}, r"x: unknown key 'url'; known keys: kind, root, seed, rows"),
    "local without root": ({"x": {"kind": "local"}}, r"x: kind 'local': found no other key, expected root"),
    "hub with a root": ({"x": {"kind": "hub", "root": "y"}}, r"x: kind 'hub': found root, expected no other key"),
    "pocket without rows": ({"x": {"kind": "pocket", "seed": 0}}, r"kind 'pocket': found seed, expected seed, rows"),
    "rows of no split": ({"x": {"kind": "pocket", "seed": 0, "rows": {"dev": 3}}}, r"x\.rows: no split 'dev'; splits"),
    "no rows": ({"x": {"kind": "pocket", "seed": 0, "rows": {"train": 0}}}, r"x\.rows\.train: found 0, expected an"),
    "name with a slash": ({"a/b": {"kind": "hub"}}, r"found the name 'a/b', expected one that matches"),
}  # fmt: skip


@each(SOURCE)
def test_a_bad_table_of_sources_is_answered_in_one_line(given, message, tmp_path, tally):
    tally("bad inputs")
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump(given))
    refused(lambda: read_sources(path), path, message)
