"""The task table is closed: what it may say, and what it answers when it says something else."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

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


# Further ones: tests/reliability/test_bad_configuration.py and test_bad_tables.py.
MISTAKES = [
    ("tasks.piqa.file", "x.json", "found hub and file, expected exactly one of hub, file, files, folder"),
    ("tasks.piqa.hub.revision", "main", "revision: found 'main', expected text that matches ^[0-9a-f]{40}$"),
    ("tasks.piqa.hub.dataset", "piqa", "dataset: found 'piqa', expected text that matches ^[^/]+/[^/]+$"),
    ("tasks.piqa.hub.config", "default", "hub.config: found one beside files, expected one of them"),
    ("tasks.piqa.hub.sha256", {"dev": "0" * 64}, "sha256: no split 'dev' in files; splits: train, validation"),
    ("tasks.piqa.hub.sha256", {"train": "abc"}, "train: found 'abc', expected text that matches ^[0-9a-f]{64}$"),
    ("tasks.piqa.sha256", "0" * 64, "sha256: expected the hash of a file, or with files one for each split"),
    ("tasks.piqa.choices", {}, "choices: expected exactly one of list, columns, fixed"),
    ("tasks.piqa.format", None, "found none response, missing format, expected either choices, answer and format, or"),
    ("tasks.piqa.answer.encoding", "label", "answer.encoding 'label' and choices.labels go together"),
    ("tasks.piqa.answer.optional", "yes", "answer.optional: found 'yes', expected true or false"),
    ("tasks.piqa.question", "{}", "question: found '{}', expected a text with columns as {name}"),
    ("tasks.piqa.question", "{goal.text}", "found '{goal.text}', expected a text with columns as {name}"),
    ("tasks.piqa.question", None, "missing key 'question', expected one beside hub, choices, answer"),
    ("tasks.piqa.replace", [["a"]], "replace[0]: found ['a'], expected a list of 2 values"),
    ("tasks.piqa.optional", True, "found no response, expected answer.optional for an answer by choices"),
    ("tasks.mine", {"file": "a.csv", "splits": {"train": "train", "validation": "dev"}}, "one file is divided"),
    ("tasks.mine", {"files": {"train": "a.csv"}, "sha256": {"test": "0" * 64}}, "sha256: no split 'test' in files"),
    ("tasks.mine", {"file": "https://me:secret@a.b/c.csv"}, "found a user in an address, expected one without"),
    ("tasks.mine", {"file": "a.csv", "response": "{answer}"}, "missing key 'question', expected one beside response"),
    ("tasks.mine", {"files": {"test": "a.csv"}}, "splits: found ['test'], expected train and any of validation, test"),
    ("formats.bracket_letter.labels", ["A", "A"], "labels: found ['A', 'A'], expected distinct labels"),
    ("formats.bracket_letter.response", "{answers}", "unknown field ['answers']; fields: ['choice', 'label']"),
    ("formats.bracket_letter.prompt", "{question}{}", "unknown field ['']; fields: ['answers', 'choices', 'question']"),
    ("formats.bracket_letter.prompt", ["{question}", "{a}"], "prompt: unknown field ['a']; fields: ['answers',"),
    ("formats.bracket_letter.prompt", [], "prompt: found [], expected text, or a list of at least 1"),
]


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES)
def test_a_mistake_names_its_file_and_entry(content: dict, key: str, value: Any, message: str, tmp_path: Path) -> None:
    section, *inner, last = key.split(".")
    place = content[section]
    for name in inner:
        place = place[name]
    place[last] = value
    file = tmp_path / "tasks.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        load_tasks(file)
    assert str(caught.value).startswith(f"{file}: {section}.{(*inner, last)[0]}")
    assert "secret" not in str(caught.value)


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


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text("")
    with pytest.raises(ValueError, match=r"tasks\.yaml: found no task, expected at least one"):
        load_tasks(tmp_path / "tasks.yaml")


def test_the_shipped_table_parses_from_plain_values(content: dict) -> None:
    assert parse(TaskTable, content) == load_tasks("config/tasks/common_sense.yaml")
