"""The task table is closed: what it may say, and what it answers when it says something else."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2w.config.settings import parse
from p2w.config.tasks import AnswerFormat, TaskTable, load_tasks

CHOICE = {"arc_easy", "arc_challenge", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande", "social_iqa", "qasc"}
FREE = {"gsm8k", "math", "python_instructions", "rosetta_code", "mbpp"}


@pytest.fixture
def content() -> dict[str, Any]:
    """The shipped table as plain values, to be changed."""
    return copy.deepcopy(yaml.safe_load(Path("config/tasks.yaml").read_text(encoding="utf-8")))


def test_shipped_tasks_are_complete() -> None:
    table = load_tasks("config/tasks.yaml")
    assert set(table.tasks) == CHOICE | FREE
    assert {name for name, task in table.tasks.items() if task.response} == FREE
    for name, task in table.tasks.items():
        assert task.hub is not None, name
        assert set(task.splits.values()) <= set(task.hub.files), name
        assert {"train", "test"} <= set(task.splits) or name in FREE, name


def test_no_task_is_tested_on_what_it_trains_on() -> None:
    for name, task in load_tasks("config/tasks.yaml").tasks.items():
        files = [task.hub.files[theirs] for theirs in task.splits.values()]
        assert len(set(files)) == len(files), name


def test_entry_and_split_errors_list_what_exists() -> None:
    table = load_tasks("config/tasks.yaml")
    task, answer_format = table.entry("boolq")
    assert answer_format == table.formats["true_false"]
    assert task.raw_split("test") == "validation"
    with pytest.raises(ValueError, match="no split 'validation'; splits: train, test"):
        task.raw_split("validation")
    with pytest.raises(ValueError, match="no task 'arc'; tasks: arc_challenge, arc_easy, boolq"):
        table.entry("arc")


MISTAKES = [
    (("hub",), None, "tasks.piqa: expected exactly one of hub, json"),
    (("json",), {"train": "x.json"}, "tasks.piqa: expected exactly one of hub, json"),
    (("hub", "revision"), "main", "revision: found 'main', expected a commit of 40 hex digits"),
    (("hub", "sha256"), {"dev": "0" * 64}, "sha256: no split 'dev' in files; splits: train, validation, test"),
    (("hub", "sha256"), {"train": "abc"}, "sha256.train: found 'abc', expected 64 hex digits"),
    (("splits",), {"test": "test"}, "splits: found ['test'], expected train and any of validation, test"),
    (("splits",), {"train": "train", "dev": "x"}, "splits: found ['dev', 'train'], expected train and any of"),
    (
        ("choices",),
        {"columns": ["a", "b"], "fixed": ["a", "b"]},
        "choices: expected exactly one of list, columns, fixed",
    ),
    (("choices",), {}, "choices: expected exactly one of list, columns, fixed"),
    (("response",), "{goal}", "found some response, missing nothing, expected either choices, answer and format, or"),
    (("format",), None, "found none response, missing format, expected either choices, answer and format, or response"),
    (("choices",), {"list": "c", "labels": "l"}, "answer.encoding 'label' and choices.labels go together"),
    (("answer", "encoding"), "label", "answer.encoding 'label' and choices.labels go together"),
    (("answer", "encoding"), "index2", "answer.encoding: found 'index2', expected one of 'label', 'index0', 'index1'"),
    (("answer", "optional"), "yes", "answer.optional: found 'yes', expected true or false"),
    (("question",), "What?", "question: found 'What?', expected a text with columns as {name}"),
    (("question",), "{}", "question: found '{}', expected a text with columns as {name}"),
    (("question",), "{goal.text}", "question: found '{goal.text}', expected a text with columns as {name}"),
    (("question",), "{goal", "expected '}' before end of string"),
    (("replace",), [["[", ""]], "replace: '[', "),
    (("replace",), [["a"]], "replace[0]: found ['a'], expected a list of 2 values"),
    (
        ("format",),
        "letters",
        "tasks.piqa.format: no format 'letters'; formats: bracket_letter, bracket_letter_8,",
    ),
    (("sytem",), "x", "unknown key 'sytem'; known keys: splits, hub, json, question"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES)
def test_a_mistake_names_its_key(
    content: dict, path: tuple[str, ...], value: Any, message: str, tmp_path: Path
) -> None:
    section = content["tasks"]["piqa"]
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    file = tmp_path / "tasks.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        load_tasks(file)
    assert "tasks.piqa" in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["A"]}, "labels: found ['A'], expected at least 2 distinct labels"),
        ({"labels": ["A", "A"]}, "labels: found ['A', 'A'], expected at least 2 distinct labels"),
        ({"choice": "{letter}"}, "choice: unknown field ['letter']; fields: ['choice', 'label']"),
        ({"response": "{answers}"}, "response: unknown field ['answers']; fields: ['choice', 'label']"),
        ({"response": "yes"}, "response: found 'yes', expected a text with {label} or {choice}"),
        ({"prompt": "{question}{}"}, "prompt: unknown field ['']; fields: ['answers', 'choices', 'question']"),
    ],
)
def test_a_format_has_known_fields(content: dict, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(AnswerFormat, content["formats"]["bracket_letter"] | change)


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text("")
    with pytest.raises(ValueError, match="missing key 'formats', 'tasks'"):
        load_tasks(tmp_path / "tasks.yaml")


def test_the_shipped_table_parses_from_plain_values(content: dict) -> None:
    assert parse(TaskTable, content) == load_tasks("config/tasks.yaml")
