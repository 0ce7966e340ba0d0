"""A user's own questions: every way to write an answer, every mistake by its item, and the way to samples."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2w.config.settings import parse
from p2w.config.sources import Source
from p2w.config.tasks import Task, load_tasks
from p2w.data.questions import read_questions
from p2w.data.raw import fetch_raw
from p2w.data.samples import read_samples, render_samples, write_samples
from p2w.runtime.tables import read_metadata, read_table

COMMENTS = "\n".join(
    line.removeprefix("  # ").removeprefix("  #")
    for line in Path("config/tasks.yaml").read_text(encoding="utf-8").split("(remove the")[1].splitlines()[1:]
)
EXAMPLE_ENTRY, EXAMPLE_FILE = COMMENTS.split("with files like")
ENTRY = yaml.safe_load(EXAMPLE_ENTRY)["my_task"]
ITEM = {"question": "Which is a fruit?", "choices": ["stone", "pear", "rope"]}
SOURCE = Source(kind="hub")


def write(path: Path, items: Any) -> Path:
    path.write_text(json.dumps(items), encoding="utf-8")
    return path


def test_the_documented_example_works(tmp_path: Path) -> None:
    path = tmp_path / "labelled.json"
    path.write_text(EXAMPLE_FILE.split("An item has")[0])
    first, second = read_json_samples(path).to_pylist()
    assert (first["question"], first["answer"]) == ("Which is a fruit?", "1")
    assert (second["question"], second["answer"]) == ("Tom is hungry. What does he do?", None)
    assert len(EXAMPLE_ENTRY.strip().splitlines()) == 8
    assert parse(Task, ENTRY).answer.optional


@pytest.mark.parametrize("answer", [1, "B", " B ", "pear"])
def test_every_way_to_write_an_answer(tmp_path: Path, answer: int | str) -> None:
    table = read_json_samples(write(tmp_path / "x.json", [{**ITEM, "answer": answer}]))
    assert table.to_pylist() == [{"id": "0", **ITEM, "answer": "1"}]


def test_context_and_question_are_joined(tmp_path: Path) -> None:
    items = [
        {**ITEM, "context": "Tom eats. ", "id": "first"},
        {"context": "Only this", "choices": ["a", "b"], "answer": None, "id": 7},
    ]
    rows = read_json_samples(write(tmp_path / "x.json", items)).to_pylist()
    assert [row["question"] for row in rows] == ["Tom eats. Which is a fruit?", "Only this"]
    assert [row["id"] for row in rows] == ["first", "7"]
    assert [row["answer"] for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({**ITEM, "answr": 1}, "unknown key 'answr'; known keys: choices, question, context, answer, id"),
        ({"question": "Why?"}, "missing key 'choices'"),
        ({"choices": ["a", "b"]}, "expected a question, a context or both"),
        ({**ITEM, "question": "  "}, "expected a question, a context or both"),
        ({**ITEM, "question": 3}, "question: found 3, expected text"),
        ({**ITEM, "choices": ["a"]}, "choices: found 1, expected at least 2"),
        ({**ITEM, "choices": ["a", "a"]}, r"choices: found \['a', 'a'\], expected distinct texts"),
        ({**ITEM, "choices": ["a", 2]}, r"choices\[1\]: found 2, expected text"),
        ({**ITEM, "choices": ["a", " "]}, r"choices: found \['a', ' '\], expected texts that are not empty"),
        ({**ITEM, "choices": "ab"}, "choices: found 'ab', expected a list"),
        ({**ITEM, "answer": 3}, "answer: found 3, expected one position from 0 to 2, letter of ABC or text of"),
        ({**ITEM, "answer": -1}, "answer: found -1, expected one position"),
        ({**ITEM, "answer": "D"}, "answer: found 'D', expected one position"),
        ({**ITEM, "answer": "1"}, "answer: found '1', expected one position"),
        ({**ITEM, "answer": "b"}, "answer: found 'b', expected one position"),
        ({**ITEM, "answer": True}, "answer: found True, expected"),
        ({**ITEM, "answer": 1.0}, "answer: found 1.0, expected"),
        (
            {"question": "Which letter?", "choices": ["B", "A"], "answer": "A"},
            "answer: found 'A', expected one position",
        ),
        ("text", "found 'text', expected a mapping"),
    ],
)
def test_a_mistake_names_its_item(tmp_path: Path, item: Any, message: str) -> None:
    path = write(tmp_path / "x.json", [ITEM, item])
    with pytest.raises(ValueError, match=message) as caught:
        read_json_samples(path)
    assert f"{path}[1]" in str(caught.value)


@pytest.mark.parametrize(("items", "found"), [([], "an empty list"), ({"data": []}, "dict"), ("x", "str")])
def test_the_file_is_a_list(tmp_path: Path, items: Any, found: str) -> None:
    path = write(tmp_path / "x.json", items)
    with pytest.raises(ValueError, match=f"found {found}, expected a list of at least one sample"):
        read_json_samples(path)


def test_broken_json_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[{]")
    with pytest.raises(ValueError, match=r"x\.json: not valid JSON"):
        read_json_samples(path)


@pytest.mark.parametrize("labelled", [0, 1, 2])
def test_json_becomes_samples_whatever_is_labelled(tmp_path: Path, labelled: int) -> None:
    """A column with nulls only, some nulls and none has different types in pandas; the samples do not."""
    items = [{**ITEM, "answer": "pear"} for _ in range(labelled)] + [ITEM for _ in range(2 - labelled)]
    path = write(tmp_path / "prompts.json", items)
    task = parse(Task, {**ENTRY, "json": {"train": str(path)}})
    raw, output = tmp_path / "raw.parquet", tmp_path / "samples.parquet"
    fetch_raw(SOURCE, "mine", task, "train", raw)
    manifest = read_metadata(raw)
    assert (manifest["source"], manifest["file"]) == ({"kind": "json"}, path.as_posix())
    answer_format = load_tasks("config/tasks.yaml").formats["bracket_letter"]
    write_samples(output, render_samples("mine", task, answer_format, read_table(raw).to_pandas(), "train"), {})
    samples = read_samples(output)
    assert samples["answer"].isna().tolist() == [False] * labelled + [True] * (2 - labelled)
    assert samples["response"].tolist() == ["[B]"] * labelled + [None] * (2 - labelled)
    assert (
        samples["prompt"].tolist()
        == ["Which is a fruit?\nA: stone\nB: pear\nC: rope\nAnswer with [A], [B] or [C]."] * 2
    )


def test_a_split_without_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tasks.mine.json: no split 'dev'; splits: train, test"):
        fetch_raw(SOURCE, "mine", parse(Task, ENTRY), "dev", tmp_path / "x.parquet")
