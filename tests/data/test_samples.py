"""Prompts are an interface: what a model sees of one row per task, to the character."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.config.answer_formats import AnswerFormat
from p2w.config.settings import parse
from p2w.config.suites import load_tasks
from p2w.config.tasks import Task
from p2w.data.samples import COLUMNS, either, read_samples, render_samples, write_samples
from p2w.runtime.tables import read_metadata, write_table

TABLE = load_tasks("config/tasks")

CASES = json.loads(Path("tests/golden/prompts.json").read_text(encoding="utf-8"))
rows = SimpleNamespace(**{case["name"]: case["row"] for case in CASES})


def as_stored(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as they arrive: written to parquet and read again by pandas."""
    return pa.Table.from_pylist(rows).to_pandas()


def render(name: str, *rows: dict[str, Any], split: str = "train") -> pd.DataFrame:
    task, answer_format = TABLE.entry(name)
    return render_samples(name, task, answer_format, as_stored(list(rows)), split)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden_prompts(case: dict[str, Any], tmp_path: Path) -> None:
    write_samples(tmp_path / "samples.parquet", render(case["task"], case["row"]), {})
    sample = read_samples(tmp_path / "samples.parquet").iloc[0]
    assert {key: sample[key] for key in ("system", "prompt", "response")}.items() <= case.items()
    assert sample["tests"] == case.get("tests")
    if TABLE.tasks[case["task"]].response is None:
        assert sample["responses"][sample["answer"]] == case["response"]
        assert len(sample["responses"]) == len(sample["choices"])
    else:
        assert (list(sample["choices"]), list(sample["responses"])) == ([], [])
        assert pd.isna(sample["answer"])


def test_every_task_of_the_hub_has_a_golden_prompt() -> None:
    there = {name for name, task in TABLE.tasks.items() if task.hub or "//huggingface.co/" in (task.file or "")}
    assert {case["task"] for case in CASES} == there


def test_an_empty_free_answer_and_a_format_too_many() -> None:
    with pytest.raises(ValueError, match="gsm8k/train row 0: found an empty response"):
        render("gsm8k", {**rows.gsm8k, "answer": " "})
    with pytest.raises(ValueError, match=r"gsm8k: found answer format .*, expected that of format None"):
        render_samples("gsm8k", TABLE.tasks["gsm8k"], TABLE.formats["true_false"], as_stored([rows.gsm8k]), "train")
    with pytest.raises(ValueError, match="mbpp/train row 0: column 'test_list': found None, expected text"):
        render("mbpp", {**rows.mbpp, "test_list": ["assert True", None]})


def test_ids_are_the_datasets_own_or_made_from_the_place() -> None:
    assert render("arc_easy", rows.arc_digits, rows.arc_five)["id"].tolist() == ["MDSA_2009_5_20", "VASoL_2007_3_26"]
    assert render("boolq", rows.boolq, rows.boolq, split="test")["id"].tolist() == ["boolq-test-0", "boolq-test-1"]


BAD_ANSWERS = {
    "arc_digits": ("answerKey", ["A", "4", "", None], ["1", "2", "3"]),
    "openbookqa": ("answerKey", ["E"], ["A", "B", "C", "D"]),
    "boolq": ("answer", ["yes", 1], ["True", "False"]),
    "hellaswag": ("label", ["", "4"], ["0", "1", "2", "3"]),
    "winogrande": ("answer", ["", "0"], ["1", "2"]),
    "piqa": ("label", [-1, 2], ["0", "1"]),
    "social_iqa": ("label", ["0"], ["1", "2", "3"]),
}


@pytest.mark.parametrize("case", [case for case in CASES if case["name"] in BAD_ANSWERS], ids=lambda case: case["name"])
def test_a_bad_answer_is_named_beside_the_right_ones(case: dict[str, Any]) -> None:
    column, answers, expected = BAD_ANSWERS[case["name"]]
    for answer in answers:
        with pytest.raises(ValueError) as caught:
            render(case["task"], {**case["row"], column: answer}, split="test")
        place = f"{case['task']}/test row 0: column '{column}'"
        assert str(caught.value) == f"{place}: found answer {answer!r}, expected one of {expected}"


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"text": ["a", "b"], "label": ["1", "2", "3"]}, "found 3 labels for 2 choices"),
        ({"text": ["a", "b"]}, "no column 'choices.label'; columns: text"),
    ],
)
def test_labels_and_choices_go_together(choices: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render("arc_easy", {**rows.arc_digits, "choices": choices})


def test_a_missing_answer_is_missing_only_where_it_may_be() -> None:
    entry = {"choices": {"fixed": ["yes", "no"]}, "question": "{q}", "system": "", "format": "bracket_letter"}
    answers = ({"column": "a", "encoding": "index0", "optional": optional} for optional in (True, False))
    optional, needed = (parse(Task, {**entry, "splits": {"train": "train"}, "answer": answer}) for answer in answers)
    bracket = TABLE.formats["bracket_letter"]
    for missing in (None, np.nan, pd.NA):
        frame = pd.DataFrame({"q": ["x", "y"], "a": pd.Series(["1", missing], dtype=object)})
        samples = render_samples("toy", optional, bracket, frame, "train")
        assert samples["answer"].isna().tolist() == [False, True]
        assert samples["response"].tolist() == ["[B]", None]
        with pytest.raises(ValueError, match="toy/train row 1: column 'a': found answer"):
            render_samples("toy", needed, bracket, frame, "train")
    unlabelled = render_samples("toy", optional, bracket, pd.DataFrame({"q": ["x"]}), "train")
    assert unlabelled["answer"].isna().all()


def test_names_of_labels_are_answers() -> None:
    answer = {"column": "label", "encoding": "choice", "optional": True}
    entry = {"question": "{text}", "choices": {"fixed": ["World", "Sports"]}, "answer": answer, "system": "Name it.",
             "format": "words", "splits": {"train": "train"}}  # fmt: skip
    words = {"labels": ["1", "2"], "choice": "{choice}", "response": "{choice}", "prompt": "{question}"}
    task, answer_format = parse(Task, entry), parse(AnswerFormat, words)
    news = pd.DataFrame({"text": ["A war", "A goal", "?"], "label": ["World", "Sports", None]})
    samples = render_samples("news", task, answer_format, news, "train")
    assert samples["response"].tolist() == ["World", "Sports", None]
    with pytest.raises(ValueError, match=r"news/train row 2: column 'label': found answer 'Food', expected one of"):
        render_samples("news", task, answer_format, news.fillna("Food"), "train")


def test_of_several_wordings_a_row_has_one_by_its_id_whatever_the_format_and_the_question_is() -> None:
    entry = {"id": "n", "question": ["{n}?", "{n}!"], "choices": {"fixed": ["yes", "no"]}, "system": "",
             "answer": {"column": "a", "encoding": "index0"}, "format": "letter",
             "splits": {"train": "train"}}  # fmt: skip
    table = pd.DataFrame({"n": [str(n) for n in range(400)], "a": 0})

    def prompts(kind: str, rows: pd.DataFrame = table) -> pd.Series:
        form = TABLE.formats[f"hinted_{kind}"]
        return render_samples("toy", parse(Task, entry), form, rows, "train").set_index("id")["prompt"]

    letter, words = prompts("letter"), prompts("words")
    told = letter.str.contains("Answer with A or B.", regex=False)
    assert told.mean() == pytest.approx(1 / 4, abs=0.06)
    assert (words == letter).tolist() == (~told).tolist(), "the same rows tell it, the others look the same"
    assert prompts("words", table[::-3]).equals(words[::-3]), "other rows change nothing"
    asks = letter.str.contains("?", regex=False)
    assert asks[told].mean() == pytest.approx(asks[~told].mean(), abs=0.15), "two wordings of a row are independent"


def test_samples_return_from_their_file(tmp_path: Path) -> None:
    samples = render("arc_easy", rows.arc_digits, rows.arc_five)
    write_samples(tmp_path / "train.parquet", samples, {"made_by": "test"})
    returned = read_samples(tmp_path / "train.parquet")
    pd.testing.assert_frame_equal(returned, samples)
    assert returned["choices"].tolist() == [rows.arc_digits["choices"]["text"], rows.arc_five["choices"]["text"]]
    assert tuple(returned.columns) == COLUMNS
    assert read_metadata(tmp_path / "train.parquet") == {"made_by": "test"}


def test_another_table_is_not_samples(tmp_path: Path) -> None:
    write_table(tmp_path / "raw.parquet", pa.table({"id": ["x"]}), {})
    with pytest.raises(ValueError, match=r"found columns \['id'\], expected the samples'"):
        read_samples(tmp_path / "raw.parquet")


def test_either() -> None:
    assert [either(list("ABCD"[:count])) for count in (1, 2, 3, 4)] == ["A", "A or B", "A, B or C", "A, B, C or D"]


@given(
    question=st.text(),
    choices=st.lists(st.text(), min_size=2, max_size=5),
    data=st.data(),
)
def test_any_text_survives(question: str, choices: list[str], data: st.DataObject) -> None:
    """A row's own braces or line breaks are never read as a template, and the answer stays in its place."""
    answer = data.draw(st.integers(0, len(choices) - 1))
    plain = Task(
        splits={"train": "train"},
        question="{q}",
        choices=TABLE.tasks["hellaswag"].choices,
        answer=TABLE.tasks["hellaswag"].answer,
        system="",
        format="plain",
    )
    way = AnswerFormat(labels=tuple("ABCDE"), choice="{choice}", response="{label}", prompt="{question}|{choices}")
    frame = pd.DataFrame([{"q": question, "endings": choices, "label": answer}])
    sample = render_samples("toy", plain, way, frame, "train").iloc[0]
    assert sample["choices"][sample["answer"]] == choices[answer].strip()
    assert sample["prompt"] == "|".join((question.strip(), "\n".join(choice.strip() for choice in choices)))
    assert sample["response"] == "ABCDE"[answer]
