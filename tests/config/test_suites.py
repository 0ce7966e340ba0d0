"""The task table in several files: what a suite says once, what its entries become, and what it may not say."""

import re
from pathlib import Path

import pytest
import yaml

from p2w.config.suites import load_tasks
from p2w.config.tasks import Task

BASE = "https://a.b/c"
DEFAULTS = {"question": "{input}?", "response": "{output}", "system": "Say it."}
PINNED = "1" * 64
SUITE = {"base": BASE, "defaults": DEFAULTS, "tasks": {"one": {"file": "x.json", "sha256": PINNED}}}


def write(folder: Path, **suites: object) -> Path:
    for name, content in suites.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


def entries(folder: Path, **changes: object) -> dict[str, Task]:
    return load_tasks(write(folder, suite={**SUITE, **changes})).tasks


def test_an_entry_has_what_its_suite_says_once_and_its_own_keys_instead(tmp_path: Path) -> None:
    tasks = entries(tmp_path, tasks={**SUITE["tasks"], "two": {"file": "d/y.json", "system": "Think."}})
    assert (tasks["one"].file, tasks["one"].sha256) == (f"{BASE}/x.json", PINNED)
    assert (tasks["two"].file, tasks["two"].system, tasks["two"].response) == (f"{BASE}/d/y.json", "Think.", "{output}")
    assert tasks["one"].system == "Say it."


def test_a_base_is_put_before_relative_paths_only(tmp_path: Path) -> None:
    own = {"web": {"file": "http://d.e/x.json"}, "disk": {"file": "/x.json"}}
    files = {"both": {"files": {"train": "a.json", "test": "https://d.e/b.json"}}}
    tasks = entries(tmp_path, base="my/folder/", tasks={**own, **files})
    assert (tasks["web"].file, tasks["disk"].file) == ("http://d.e/x.json", "/x.json")
    assert tasks["both"].files == {"train": "my/folder/a.json", "test": "https://d.e/b.json"}


def test_suites_are_one_table_and_share_their_formats(tmp_path: Path) -> None:
    form = {"labels": ["A", "B"], "choice": "{choice}", "response": "{label}", "prompt": "{question}"}
    folder = write(tmp_path, a=SUITE, b={"formats": {"bracket_letter": form}}, c={"tasks": {"mine": {"file": "x.csv"}}})
    table = load_tasks(folder)
    assert (list(table.tasks), list(table.formats)) == (["one", "mine"], ["bracket_letter"])
    write(tmp_path, d={"tasks": None})  # where all entries are comments
    assert load_tasks(folder) == table


BAD = [
    ({"task": {}}, "suite.yaml: unknown key 'task'; known keys: formats, base, defaults, tasks"),
    ({"base": 3}, "suite.yaml: base: found 3, expected text"),
    ({"tasks": {"a": {"hub": {}}}}, "suite.yaml: base: found 'https://a.b/c' and no relative file or files, expected"),
    ({"tasks": {"a": {"file": "https://d.e/x.json"}}}, "suite.yaml: base: found 'https://a.b/c' and no relative file"),
    ({"defaults": {"sytem": "x"}}, "suite.yaml: defaults: unknown key 'sytem'; known keys: hub, file"),
    ({"defaults": {**DEFAULTS, "system": 3}}, "suite.yaml: tasks.one.system: found 3, expected text"),
    ({"tasks": {"one": 3}}, "suite.yaml: tasks.one: found 3, expected a mapping"),
    ({"tasks": {"Two": {"file": "x.json"}}}, "suite.yaml: tasks: found the name 'Two', expected one that matches"),
    ({"defaults": {}}, "suite.yaml: tasks.one.format: no format 'bracket_letter'; formats: "),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_a_mistake_in_a_suite_names_its_file(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        entries(tmp_path, **changes)
    assert "\n" not in str(caught.value)


def test_a_name_stands_in_one_suite_only(tmp_path: Path) -> None:
    found = re.escape(f"{tmp_path}/b.yaml: tasks.one: found in {tmp_path}/a.yaml too, expected names in one file only")
    with pytest.raises(ValueError, match=f"^{found}$"):
        load_tasks(write(tmp_path, a=SUITE, b=SUITE))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"question": []}, "tasks.one.question: found [], expected text, or a list of at least 1"),
        ({"question": ["{input}?", "What?"]}, "tasks.one.question: found 'What?', expected a text with columns"),
        ({"question": ["{input}?", 3]}, "tasks.one.question: found ['{input}?', 3], expected text, or a list of at"),
        ({"score": "exact"}, "tasks.one: found one of score and max_new_tokens, expected both, or neither"),
        ({"score": "exact", "max_new_tokens": 0}, "tasks.one.max_new_tokens: found 0, expected an integer of at least"),
        ({"together": ["input"], "file": None, "folder": "x", "sha256": {}}, "together: found one without a file to"),
        ({"id": []}, "tasks.one.id: found [], expected text of at least 1 letter, or a list of at least 1"),
    ],
)
def test_a_mistake_in_an_entry(tmp_path: Path, entry: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        entries(tmp_path, tasks={"one": {**SUITE["tasks"]["one"], **entry}, "two": {"file": "y.json"}})


def test_the_shipped_suites_pin_every_file_and_score_every_answer() -> None:
    tasks = load_tasks("config/tasks").tasks
    functions, templates = ([name for name in tasks if name.startswith(prefix)] for prefix in ("fv_", "t0_"))
    assert (len(functions), len(templates)) == (44, 69)
    for name in (*functions, *templates):
        task = tasks[name]
        assert isinstance(task.sha256, str), name
        assert task.score, name
        assert re.fullmatch(r"https://raw\.githubusercontent\.com/\w+/[\w-]+/[0-9a-f]{40}/.+", task.file), name
    for name in functions:
        assert len(set(tasks[name].wordings)) == 3, name
        assert all("{input}" in wording for wording in tasks[name].wordings), name
