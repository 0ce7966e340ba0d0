"""The task table is closed: what it may say, and what it answers when it says something else."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2w.config.answer_formats import AnswerFormat
from p2w.config.settings import parse
from p2w.config.suites import load_tasks
from p2w.config.tasks import TaskTable

CHOICE = {"arc_easy", "arc_challenge", "boolq", "hellaswag", "openbookqa", "piqa", "winogrande", "social_iqa", "qasc"}
FREE = {"gsm8k", "math", "python_instructions", "rosetta_code", "mbpp"}


@pytest.fixture
def content() -> dict[str, Any]:
    """A shipped suite as plain values, to be changed."""
    return copy.deepcopy(yaml.safe_load(Path("config/tasks/common_sense.yaml").read_text(encoding="utf-8")))


def test_shipped_tasks_are_complete() -> None:
    table = load_tasks("config/tasks")
    hub = {name: task for name, task in table.tasks.items() if task.hub}
    assert set(hub) == CHOICE | FREE
    assert {name for name, task in hub.items() if task.response} == FREE
    for name, task in hub.items():
        assert {"train", "test"} <= set(task.splits) or name in FREE, name
        assert not task.hub.files or set(task.splits.values()) <= set(task.hub.files), name
        assert len(set(task.splits.values())) == len(task.splits), f"{name} is tested on what it trains on"


def test_an_entry_error_lists_what_exists() -> None:
    table = load_tasks("config/tasks/common_sense.yaml")
    task, answer_format = table.entry("boolq")
    assert answer_format == table.formats["true_false"]
    assert task.splits == {"train": "train", "test": "validation"}
    with pytest.raises(ValueError, match="no task 'arc'; tasks: arc_challenge, arc_easy, boolq"):
        table.entry("arc")


MISTAKES = [
    (("hub",), None, "tasks.piqa: expected exactly one of hub, file, files, folder"),
    (("file",), "x.json", "tasks.piqa: found hub and file, expected exactly one of hub, file, files, folder"),
    (("hub", "revision"), "main", "revision: found 'main', expected text that matches ^[0-9a-f]{40}$"),
    (("hub", "dataset"), "piqa", "dataset: found 'piqa', expected text that matches ^[^/]+/[^/]+$"),
    (("hub", "config"), "default", "hub.config: found one beside files, expected one of them"),
    (("hub", "sha256"), {"dev": "0" * 64}, "sha256: no split 'dev' in files; splits: train, validation"),
    (("hub", "sha256"), {"train": "abc"}, "sha256.train: found 'abc', expected text that matches ^[0-9a-f]{64}$"),
    (("sha256",), "0" * 64, "sha256: expected the hash of a file, or with files one for each split"),
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
    (
        ("sytem",),
        "x",
        "unknown key 'sytem'; known keys: hub, file, files, folder, sha256, splits, id, together, question",
    ),
    (("question",), None, "missing key 'question', expected one beside hub, choices, answer"),
    (("optional",), True, "optional: found no response, expected answer.optional for an answer by choices"),
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
        ({"labels": ["A"]}, "labels: found ['A'], expected a list of at least 2"),
        ({"labels": ["A", "A"]}, "labels: found ['A', 'A'], expected distinct labels"),
        ({"choice": "{letter}"}, "choice: unknown field ['letter']; fields: ['choice', 'label']"),
        ({"response": "{answers}"}, "response: unknown field ['answers']; fields: ['choice', 'label']"),
        ({"response": "yes"}, "response: found 'yes', expected a text with {label} or {choice}"),
        ({"prompt": "{question}{}"}, "prompt: unknown field ['']; fields: ['answers', 'choices', 'question']"),
    ],
)
def test_a_format_has_known_fields(content: dict, change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(AnswerFormat, content["formats"]["bracket_letter"] | change)


OWN = [
    ({"file": "a.csv"}, {"train": "train", "test": "test"}),
    ({"files": {"train": "a.csv"}}, {"train": "train"}),
    ({"files": {"train": "a.csv", "test": "https://a.b/c.csv?key"}}, {"train": "train", "test": "test"}),
    ({"folder": "mine", "system": "Say it."}, {"train": "train", "test": "test"}),
    ({"file": "a.csv", "sha256": "0" * 64, "splits": {"train": "train"}}, {"train": "train"}),
]


@pytest.mark.parametrize(("entry", "splits"), OWN)
def test_files_of_questions_are_whole_entries(content: dict, entry: dict, splits: dict) -> None:
    content["tasks"]["mine"] = entry
    task = parse(TaskTable, content).tasks["mine"]
    assert (task.splits, task.format) == (splits, "bracket_letter")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"file": "a.csv", "splits": {"train": "train", "validation": "dev"}}, "into which one file is divided"),
        ({"files": {"train": "a.csv"}, "sha256": {"test": "0" * 64}}, "sha256: no split 'test' in files; splits:"),
        ({"file": "https://me:secret@a.b/c.csv"}, "found a user in an address, expected one without"),
        ({"file": "a.csv", "response": "{answer}"}, "missing key 'question', expected one beside response"),
        ({"file": "a.csv", "format": "letters"}, "tasks.mine.format: no format 'letters'; formats: bracket_letter"),
        ({"files": {"test": "a.csv"}}, "splits: found ['test'], expected train and any of validation, test"),
    ],
)
def test_a_mistake_in_a_file_of_questions(content: dict, entry: dict, message: str) -> None:
    content["tasks"]["mine"] = entry
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        parse(TaskTable, content)
    assert "secret" not in str(caught.value)


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text("")
    with pytest.raises(ValueError, match=r"tasks\.yaml: found no task, expected at least one"):
        load_tasks(tmp_path / "tasks.yaml")


def test_the_shipped_table_parses_from_plain_values(content: dict) -> None:
    assert parse(TaskTable, content) == load_tasks("config/tasks/common_sense.yaml")
