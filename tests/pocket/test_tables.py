"""The pocket world's tables: native columns and types, no leakage, balanced answers, the same for the same seed."""

import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.pocket.tables import TASKS, pocket_table
from p2w.pocket.world import RELATIONS

COLUMNS = {
    "arc_easy": ["id", "question", "choices", "answerKey"],
    "arc_challenge": ["id", "question", "choices", "answerKey"],
    "boolq": ["question", "answer", "passage"],
    "openbookqa": ["id", "question_stem", "choices", "answerKey"],
    "hellaswag": ["ind", "activity_label", "ctx_a", "ctx_b", "ctx", "endings", "source_id", "split", "split_type",
                  "label"],
    "winogrande": ["sentence", "option1", "option2", "answer"],
    "piqa": ["goal", "sol1", "sol2", "label"],
    "social_iqa": ["context", "question", "answerA", "answerB", "answerC", "label"],
}  # fmt: skip
ANSWERS = {
    "boolq": {True, False},
    "hellaswag": {"0", "1", "2", "3"},
    "winogrande": {"1", "2"},
    "piqa": {0, 1},
    "social_iqa": {"1", "2", "3"},
    "openbookqa": {"A", "B", "C", "D"},
    "arc_easy": set("ABCDE12345"),
    "arc_challenge": set("ABCDE12345"),
}
SPLITS = [(task, split) for task, entry in TASKS.items() for split in entry.splits]
TABLE = load_tasks("config/tasks")


def samples(task: str, split: str, rows: int, seed: int = 3) -> pd.DataFrame:
    return render_samples(task, *TABLE.entry(task), pocket_table(task, split, rows, seed), split)


@pytest.mark.parametrize("task", TASKS)
def test_columns_and_answers_are_those_of_the_dataset(task):
    table = pocket_table(task, "train", 600, seed=3)
    assert list(table) == COLUMNS[task]
    assert set(table[TABLE.tasks[task].answer.column]) <= ANSWERS[task]
    assert set(TASKS[task].splits) >= set(TABLE.tasks[task].splits.values())


def test_arc_has_digit_labels_and_other_numbers_of_choices():
    table = pocket_table("arc_challenge", "train", 512, seed=3)
    assert {len(choices["text"]) for choices in table["choices"]} == {3, 4, 5}
    assert {choices["label"][0] for choices in table["choices"]} == {"A", "1"}
    assert all(key in row["label"] for key, row in zip(table["answerKey"], table["choices"], strict=True))


def test_winogrande_has_one_blank_and_boolq_no_question_mark():
    assert pocket_table("winogrande", "train", 100, seed=3)["sentence"].str.count("_").eq(1).all()
    boolq = pocket_table("boolq", "train", 100, seed=3)
    assert not boolq["question"].str.contains("?", regex=False).any()
    assert set(boolq["passage"]) == {""}


@pytest.mark.parametrize(("task", "split"), SPLITS)
def test_enough_distinct_rows_with_balanced_answers(task, split):
    rows = 512 if split == "train" else 200
    found = samples(task, split, rows)
    choices = found["choices"].map(tuple)
    assert len(set(zip(found["question"], choices, found["answer"], strict=True))) == rows
    for width in {len(row) for row in choices} - {3, 5} or {3}:
        places = Counter(found["answer"][choices.map(len) == width])
        assert max(places.values()) < 1.25 * sum(places.values()) / width


@pytest.mark.parametrize("task", TASKS)
def test_splits_share_no_question_and_no_fact(task):
    entry = TASKS[task]
    for name in entry.relations:
        folds = [RELATIONS[name].fold(fold) for fold in entry.splits.values()]
        assert sum(map(len, folds)) == len(set().union(*folds)) == len(RELATIONS[name].facts)
    asked = [set(samples(task, split, 200)["prompt"]) for split in entry.splits]
    assert len(set().union(*asked)) == sum(map(len, asked))


@pytest.mark.parametrize("task", TASKS)
def test_the_seed_decides_the_rows(task):
    table = pocket_table(task, "train", 50, seed=3)
    pd.testing.assert_frame_equal(table, pocket_table(task, "train", 50, seed=3))
    assert not table.equals(pocket_table(task, "train", 50, seed=4))


def test_rows_are_the_same_in_another_process():
    code = "from p2w.pocket.tables import pocket_table as t; print(t('arc_easy', 'test', 40, 3).to_json())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert outputs == {pocket_table("arc_easy", "test", 40, 3).to_json() + "\n"}


def test_tables_need_no_deep_learning_library():
    code = "import sys, p2w.pocket.tables; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "."}, check=True)


def test_unknown_names_and_too_many_rows_are_errors():
    with pytest.raises(ValueError, match="no pocket task 'mmlu'; tasks: arc_easy"):
        pocket_table("mmlu", "train", 1, 0)
    with pytest.raises(ValueError, match="no split 'test' of pocket task 'piqa'; splits: train, validation"):
        pocket_table("piqa", "test", 1, 0)
    with pytest.raises(ValueError, match="distinct rows exist, 4000 were asked for"):
        pocket_table("boolq", "validation", 4000, 0)


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
def test_every_subject_has_false_choices_and_none_is_true(relation):
    for fact in relation.facts:
        false = relation.false_objects(fact.subject)
        assert fact.object not in false
        assert len(false) >= (2 if relation.name in ("feel", "want") else 4)
