"""A user's own questions: every way to write an answer, every mistake by its item, and the way to samples."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from p2w.config.settings import parse
from p2w.config.sources import Source
from p2w.config.suites import load_tasks
from p2w.config.tasks import Task
from p2w.data.defaults import complete
from p2w.data.questions import read_questions
from p2w.data.raw import fetch_raw
from p2w.data.samples import read_samples, render_samples, write_samples
from p2w.runtime.tables import read_metadata, read_table

COMMENTS = "\n".join(
    line.removeprefix("  # ").removeprefix("  #")
    for line in Path("config/tasks/mine.yaml").read_text(encoding="utf-8").split("(remove the")[1].splitlines()[1:]
)
ENTRY, FILE = COMMENTS.split("with a file like")
ITEM = {"question": "Which is a fruit?", "choices": ["stone", "pear", "rope"]}


def write(path: Path, items: Any) -> Path:
    path.write_text(json.dumps(items), encoding="utf-8")
    return path


def test_the_documented_example_is_a_whole_entry(tmp_path: Path) -> None:
    path = tmp_path / "my_questions.csv"
    path.write_text(FILE.split("It may be a csv")[0].strip() + "\n")
    task = parse(Task, yaml.safe_load(ENTRY)["my_task"])
    assert (task.file, task.splits) == (path.name, {"train": "train", "test": "test"})
    first, second = read_questions(path).to_pylist()
    assert (first["question"], first["answer"]) == ("Which is a fruit?", "1")
    assert (second["choices"], second["answer"]) == (["He eats.", "He sleeps."], None)


@pytest.mark.parametrize("answer", [1, "B", " B ", "pear"])
def test_every_way_to_write_an_answer(tmp_path: Path, answer: int | str) -> None:
    table = read_questions(write(tmp_path / "x.json", [{**ITEM, "answer": answer}]))
    assert table.to_pylist() == [{"id": "0", **ITEM, "answer": "1"}]


def test_context_and_question_are_joined(tmp_path: Path) -> None:
    items = [
        {**ITEM, "context": "Tom eats. ", "id": "first"},
        {"context": "Only this", "choices": ["a", "b"], "answer": None, "id": 7},
    ]
    rows = read_questions(write(tmp_path / "x.json", items)).to_pylist()
    assert [row["question"] for row in rows] == ["Tom eats. Which is a fruit?", "Only this"]
    assert [row["id"] for row in rows] == ["first", "7"]
    assert [row["answer"] for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({**ITEM, "question": "  "}, "expected a question, a context or both"),
        ({**ITEM, "question": 3}, "question: found 3, expected text"),
        ({**ITEM, "choices": "ab"}, "choices: found 'ab', expected a list"),
        ({**ITEM, "answer": 3}, "answer: found 3, expected one position from 0 to 2, letter of ABC or text of"),
        ({**ITEM, "answer": -1}, "answer: found -1, expected one position"),
        ({**ITEM, "answer": "D"}, "answer: found 'D', expected one position"),
        ({**ITEM, "answer": "1"}, "answer: found '1', expected one position"),
        ({**ITEM, "answer": "b"}, "answer: found 'b', expected one position"),
        ({**ITEM, "answer": True}, "answer: found True, expected"),
        ({**ITEM, "answer": 1.0}, "answer: found 1.0, expected"),
        ({**ITEM, "choices": ["B", "A"], "answer": "A"}, "answer: found 'A', expected one position"),
    ],
)
def test_a_mistake_names_its_item(tmp_path: Path, item: Any, message: str) -> None:
    path = write(tmp_path / "x.json", [ITEM, item])
    with pytest.raises(ValueError, match=message) as caught:
        read_questions(path)
    assert f"{path}[1]" in str(caught.value)


@pytest.mark.parametrize(
    ("items", "found"), [([], "an empty list"), ({"data": []}, "an empty list"), ({"a": 1}, "dict"), ("x", "str")]
)
def test_the_file_is_a_list(tmp_path: Path, items: Any, found: str) -> None:
    path = write(tmp_path / "x.json", items)
    with pytest.raises(ValueError, match=f"found {found}, expected a list of at least one row"):
        read_questions(path)


CHOICES = [{"id": "0", "question": "Q", "choices": ["x", "y"], "answer": "1"}]
FORMS = {
    "a.csv": "prompt,a,b,answer\nQ,x,y,b\n",
    "b.csv": "question,choice_1,choice_2,choice_3,answer\nQ,x,y,,1\n",
    "c.tsv": "question\tA\tB\tanswer\nQ\tx\ty\ty\n",
    "d.json": '{"data": [{"question": "Q", "choices": ["x", "y"], "answer": "B"}]}',
    "e.jsonl": '{"question": "Q", "a": "x", "b": "y", "answer": 1}\n\n',
    "f.json": '{"text": "Q", "choices": ["x", "y"], "answer": 1}\n{"text": "R", "choices": ["x", "y"]}\n',
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_file_says_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FORMS[name])
    assert read_questions(tmp_path / name).to_pylist()[:1] == CHOICES


def test_a_cell_of_a_csv_file_is_text_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,question,a,b,answer\n007,1 + 1?,2,3,2\nx,Which is nothing?,None,NA,NA\n")
    assert [row["choices"] for row in read_questions(path).to_pylist()] == [["2", "3"], ["None", "NA"]]
    assert [row["answer"] for row in read_questions(path).to_pylist()] == ["0", "1"]
    assert read_questions(path)["id"].to_pylist() == ["007", "x"]


def test_without_choices_a_question_is_answered_freely(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", [{"prompt": "Q", "answer": "A long one."}, {"question": "R"}])
    assert [row["response"] for row in read_questions(path).to_pylist()] == ["A long one.", None]
    (tmp_path / "x.txt").write_text("Q\nR\n")
    assert read_questions(tmp_path / "x.txt")["question"].to_pylist() == ["Q", "R"]
    with pytest.raises(ValueError, match=r"x\.json\[0\]: found prompt and question, expected one of them"):
        read_questions(write(path, [{"prompt": "Q", "question": "R"}]))


def samples_of(tmp_path: Path, path: Path, split: str) -> pd.DataFrame:
    """From the file to samples by an entry that names nothing but the file."""
    task = parse(Task, {"file": str(path)})
    raw, output = tmp_path / f"{split}.parquet", tmp_path / "samples.parquet"
    fetch_raw(Source(kind="files"), "mine", task, split, raw, questions=True)
    assert list(read_metadata(raw)["files"]) == [path.as_posix()]
    whole, taken = complete(task, read_table(raw).column_names)
    assert {"question", "system"} <= set(taken)
    answer_format = load_tasks("config/tasks").formats["bracket_letter"] if whole.format else None
    write_samples(output, render_samples("mine", whole, answer_format, read_table(raw).to_pandas(), split), {})
    return read_samples(output)


def test_a_file_becomes_samples_whatever_is_labelled(tmp_path: Path) -> None:
    """Unlabelled rows can only be prompts, so that none of them is in the test; each row is in one split."""
    asked = [{**ITEM, "question": f"{k}. Which is a fruit?"} for k in range(12)]
    items = [{**item, "id": f"row {k}", "answer": "pear" if k < 10 else None} for k, item in enumerate(asked)]
    path = write(tmp_path / "x.json", items)
    train, test = (samples_of(tmp_path, path, split) for split in ("train", "test"))
    assert set(test["response"]) == {"[B]"}
    assert sorted([*train["id"], *test["id"]]) == sorted(item["id"] for item in items)
    assert (len(test), train["answer"].isna().sum()) == (2, 2)
    assert train["prompt"][0].endswith(". Which is a fruit?\nA: stone\nB: pear\nC: rope\nAnswer with [A], [B] or [C].")
    again = samples_of(tmp_path, write(path, items[::-1]), "test")
    assert set(again["id"]) == set(test["id"]), "the order of the rows does not matter"


def test_free_answers_become_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", [{"question": f"Q{k}", "response": "yes" if k else None} for k in range(3)])
    train, test = (samples_of(tmp_path, path, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (2, 1)
    assert set(train["response"]) == {"yes", None}
    assert train["choices"].tolist() == [[], []]


def test_too_few_rows_cannot_be_divided(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", [ITEM, {**ITEM, "question": "Which is not?"}])
    assert len(samples_of(tmp_path, path, "train")) == 2
    with pytest.raises(
        ValueError, match=r"x\.json: found 2 rows with 2 .*, 0 of them with an answer, expected at least 2"
    ):
        samples_of(tmp_path, path, "test")
    with pytest.raises(ValueError, match=r"x\.json: found 2 rows with 1 distinct questions, 2 of them with an answer"):
        samples_of(tmp_path, write(path, [{**ITEM, "answer": "pear"}] * 2), "train")
