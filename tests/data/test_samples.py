"""Prompts are an interface: what a model sees of one row per task, to the character."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.config.settings import parse
from p2w.config.tasks import AnswerFormat, Task, load_tasks
from p2w.data.samples import COLUMNS, either, read_samples, render_samples, write_samples
from p2w.runtime.tables import read_metadata, write_table
from tests.support.task_rows import (
    ARC_DIGITS,
    ARC_FIVE,
    ARC_LETTERS,
    BOOLQ,
    GSM8K,
    HELLASWAG,
    MATH,
    MBPP,
    OPENBOOKQA,
    PIQA,
    PYTHON_INSTRUCTIONS,
    QASC,
    ROSETTA_CODE,
    SOCIAL_IQA,
    WINOGRANDE,
)

TABLE = load_tasks("config/tasks.yaml")

GOLDEN = [
    (
        "arc_challenge",
        ARC_LETTERS,
        "Pick the right choice.",
        "Which skin surface will produce the most heat?\nA: dry palms\nB: wet palms\nC: oily palms\nD: cold palms\n"
        "Answer with [A], [B], [C] or [D].",
        "[A]",
    ),
    (
        "arc_easy",
        ARC_DIGITS,
        "Pick the right choice.",
        "Which falls?\nA: a stone\nB: a cloud\nC: smoke\nAnswer with [A], [B] or [C].",
        "[C]",
    ),
    (
        "arc_easy",
        ARC_FIVE,
        "Pick the right choice.",
        "Which is a gas?\nA: sand\nB: oil\nC: iron\nD: ice\nE: steam\nAnswer with [A], [B], [C], [D] or [E].",
        "[E]",
    ),
    (
        "boolq",
        BOOLQ,
        "Say whether it is true.",
        "do iran and afghanistan speak the same language?\nAnswer with [True] or [False].",
        "[True]",
    ),
    (
        "boolq",
        {**BOOLQ, "answer": False},
        "Say whether it is true.",
        "do iran and afghanistan speak the same language?\nAnswer with [True] or [False].",
        "[False]",
    ),
    (
        "openbookqa",
        OPENBOOKQA,
        "Pick the right choice.",
        "The sun is responsible for\nA: puppies\nB: children\nC: a vase\nD: plants sprouting\n"
        "Answer with [A], [B], [C] or [D].",
        "[D]",
    ),
    (
        "hellaswag",
        HELLASWAG,
        "Pick the ending that follows.",
        "How to dry a towel. Use the line. Hang it up.\nA: It dries. Wait.\nB: It sings.\nC: It melts.\nD: It runs.\n"
        "Answer with [A], [B], [C] or [D].",
        "[C]",
    ),
    (
        "winogrande",
        WINOGRANDE,
        "Pick the word that fills the blank.",
        "Sarah was better than Maria so _ won.\nA: Sarah\nB: Maria\nAnswer with [A] or [B].",
        "[B]",
    ),
    (
        "piqa",
        PIQA,
        "Pick the better way.",
        "dry a towel\nA: Hang it up.\nB: Put it in water.\nAnswer with [A] or [B].",
        "[A]",
    ),
    (
        "social_iqa",
        SOCIAL_IQA,
        "Pick the right choice.",
        "Tracy fell. How would Tracy feel?\nA: hurt\nB: glad\nC: proud\nAnswer with [A], [B] or [C].",
        "[A]",
    ),
    (
        "qasc",
        QASC,
        "Pick the right choice.",
        "What type of water formation is formed by clouds?\nA: pearls\nB: streams\nC: shells\nD: diamonds\nE: rain\n"
        "F: beads\nG: cooled\nH: liquid\nAnswer with [A], [B], [C], [D], [E], [F], [G] or [H].",
        "[F]",
    ),
]
FREE = [
    (
        "gsm8k",
        GSM8K,
        "Solve the problem step by step and end with the number after four hashes.",
        "Ann has 2 pears and buys 3. How many now?",
        "2 + 3 = 5 pears.\n#### 5",
    ),
    (
        "math",
        MATH,
        "Solve the problem step by step and put the final answer in a box.",
        "What is $1+1$?",
        "It is $\\boxed{2}$.",
    ),
    ("python_instructions", PYTHON_INSTRUCTIONS, "Write the code.", "Add the numbers.\n[1, 2]", "print({1} and 3)"),
    ("rosetta_code", ROSETTA_CODE, "Write the code.", "Add the numbers.\nWrite it in Ada.", "A + B;"),
    ("mbpp", MBPP, "Write the code.", "Write a function to add.", "def add(a, b):\r\n  return a + b"),
]


def as_stored(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as they arrive: written to parquet and read again by pandas."""
    return pa.Table.from_pylist(rows).to_pandas()


def render(name: str, *rows: dict[str, Any], split: str = "train") -> pd.DataFrame:
    task, answer_format = TABLE.entry(name)
    return render_samples(name, task, answer_format, as_stored(list(rows)), split)


@pytest.mark.parametrize(("name", "row", "system", "prompt", "response"), GOLDEN)
def test_golden_prompts(name: str, row: dict, system: str, prompt: str, response: str) -> None:
    sample = render(name, row).iloc[0]
    assert (sample["system"], sample["prompt"], sample["response"]) == (system, prompt, response)
    assert sample["responses"][sample["answer"]] == response
    assert len(sample["responses"]) == len(sample["choices"])


def test_every_task_has_a_golden_prompt() -> None:
    assert {case[0] for case in [*GOLDEN, *FREE]} == set(TABLE.tasks)


@pytest.mark.parametrize(("name", "row", "system", "prompt", "response"), FREE)
def test_golden_free_answers(name: str, row: dict, system: str, prompt: str, response: str, tmp_path: Path) -> None:
    write_samples(tmp_path / "free.parquet", render(name, row), {})
    sample = read_samples(tmp_path / "free.parquet").iloc[0]
    assert (sample["system"], sample["prompt"], sample["response"]) == (system, prompt, response)
    assert (list(sample["choices"]), list(sample["responses"])) == ([], [])
    assert pd.isna(sample["answer"])


def test_an_empty_free_answer_and_a_format_too_many() -> None:
    with pytest.raises(ValueError, match="gsm8k/train row 0: found an empty response"):
        render("gsm8k", {**GSM8K, "answer": " "})
    with pytest.raises(ValueError, match=r"gsm8k: found answer format .*, expected that of format None"):
        render_samples("gsm8k", TABLE.tasks["gsm8k"], TABLE.formats["true_false"], as_stored([GSM8K]), "train")


def test_ids_are_the_datasets_own_or_made_from_the_place() -> None:
    assert render("arc_easy", ARC_DIGITS, ARC_FIVE)["id"].tolist() == ["MDSA_2009_5_20", "VASoL_2007_3_26"]
    assert render("boolq", BOOLQ, BOOLQ, split="test")["id"].tolist() == ["boolq-test-0", "boolq-test-1"]


BAD_ROWS = [
    ("arc_easy", {**ARC_DIGITS, "answerKey": "A"}, "'answerKey': found answer 'A', expected one of ['1', '2', '3']"),
    ("arc_easy", {**ARC_DIGITS, "answerKey": "4"}, "'answerKey': found answer '4', expected one of ['1', '2', '3']"),
    ("arc_easy", {**ARC_DIGITS, "answerKey": ""}, "'answerKey': found answer '', expected one of"),
    ("arc_easy", {**ARC_DIGITS, "answerKey": None}, "'answerKey': found answer None, expected one of"),
    ("openbookqa", {**OPENBOOKQA, "answerKey": "E"}, "found answer 'E', expected one of ['A', 'B', 'C', 'D']"),
    ("boolq", {**BOOLQ, "answer": "yes"}, "'answer': found answer 'yes', expected one of ['True', 'False']"),
    ("boolq", {**BOOLQ, "answer": 1}, "'answer': found answer 1, expected one of ['True', 'False']"),
    ("hellaswag", {**HELLASWAG, "label": ""}, "'label': found answer '', expected one of ['0', '1', '2', '3']"),
    ("hellaswag", {**HELLASWAG, "label": "4"}, "'label': found answer '4', expected one of ['0', '1', '2', '3']"),
    ("winogrande", {**WINOGRANDE, "answer": ""}, "'answer': found answer '', expected one of ['1', '2']"),
    ("winogrande", {**WINOGRANDE, "answer": "0"}, "'answer': found answer '0', expected one of ['1', '2']"),
    ("piqa", {**PIQA, "label": -1}, "'label': found answer -1, expected one of ['0', '1']"),
    ("piqa", {**PIQA, "label": 2}, "'label': found answer 2, expected one of ['0', '1']"),
    ("social_iqa", {**SOCIAL_IQA, "label": "0"}, "'label': found answer '0', expected one of ['1', '2', '3']"),
    ("social_iqa", {**SOCIAL_IQA, "answerB": None}, "column 'answerB': found None, expected text"),
    ("social_iqa", {**SOCIAL_IQA, "question": 3}, "column 'question': found 3, expected text"),
    ("hellaswag", {**HELLASWAG, "endings": ["x"] * 6}, "found 6 choices, expected 2 to 5"),
    ("hellaswag", {**HELLASWAG, "endings": ["x"]}, "found 1 choices, expected 2 to 5"),
    ("hellaswag", {**HELLASWAG, "endings": "text"}, "column 'endings': found 'text', expected a list"),
    ("arc_easy", {**ARC_DIGITS, "choices": {"text": ["a", "b"]}}, "no column 'choices.label'; columns: text"),
    ("arc_easy", {**ARC_DIGITS, "id": None}, "column 'id': found None, expected an id"),
    ("piqa", {"goal": "x", "sol1": "y", "label": 0}, "no column 'sol2'; columns: goal, sol1, label"),
]


@pytest.mark.parametrize(("name", "row", "message"), BAD_ROWS)
def test_a_bad_row_names_task_split_row_and_value(name: str, row: dict, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        render(name, row, split="test")
    assert f"{name}/test row 0: " in str(caught.value)
    assert message in str(caught.value)


def test_the_row_number_is_that_of_the_bad_row() -> None:
    with pytest.raises(ValueError, match=r"piqa/train row 2: column 'label': found answer -1"):
        render("piqa", PIQA, PIQA, {**PIQA, "label": -1})


def test_labels_and_choices_of_unequal_number_do_not_pass() -> None:
    row = {**ARC_DIGITS, "choices": {"text": ["a", "b"], "label": ["1", "2", "3"]}}
    with pytest.raises(ValueError, match="found 3 labels for 2 choices"):
        render("arc_easy", row)


def test_empty_split_and_repeated_id() -> None:
    task, answer_format = TABLE.entry("arc_easy")
    with pytest.raises(ValueError, match="arc_easy/test: found 0 rows, expected at least 1"):
        render_samples("arc_easy", task, answer_format, as_stored([ARC_DIGITS]).iloc[:0], "test")
    with pytest.raises(ValueError, match="arc_easy/train: id 'MDSA_2009_5_20' occurs more than once"):
        render("arc_easy", ARC_DIGITS, ARC_FIVE, ARC_DIGITS)


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


def test_samples_return_from_their_file(tmp_path: Path) -> None:
    samples = render("arc_easy", ARC_DIGITS, ARC_FIVE)
    write_samples(tmp_path / "train.parquet", samples, {"made_by": "test"})
    returned = read_samples(tmp_path / "train.parquet")
    pd.testing.assert_frame_equal(returned, samples)
    assert returned["choices"].tolist() == [ARC_DIGITS["choices"]["text"], ARC_FIVE["choices"]["text"]]
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
