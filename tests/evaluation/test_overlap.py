"""Test rows found in training samples: whole, or by eight words in a row."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.evaluation.overlap import overlap

CHOICES = ["a pear", "a chair"]


def samples(*questions, choices=CHOICES):
    return pd.DataFrame({"question": questions, "choices": [choices] * len(questions)})


def counts(train, test, **settings):
    return overlap({"toy": train}, test, **settings)["tasks"]["toy"]


def test_the_block_of_the_evaluation_file():
    found = overlap({"one": samples("Which?", "What?"), "two": samples("Who?")}, samples("Which?", "How?"))
    assert found == {
        "ngram": 8,
        "tasks": {"one": {"rows": 2, "exact": 1, "ngram": 0}, "two": {"rows": 1, "exact": 0, "ngram": 0}},
    }


def test_case_punctuation_and_spaces_do_not_hide_a_row():
    assert counts(samples("Which is   a FRUIT?"), samples("which is, a fruit"))["exact"] == 1
    assert counts(samples("Which is a FRUIT?"), samples("Which is the fruit?"))["exact"] == 0


def test_the_same_question_with_other_choices_is_another_row():
    train, test = samples("Which is a fruit?"), samples("Which is a fruit?", choices=["a plum", "a car"])
    assert counts(train, test) == {"rows": 1, "exact": 0, "ngram": 0}


def test_eight_words_in_a_row():
    train = samples("he said that one two three four five six seven eight came")
    assert counts(train, samples("after one two three four five six seven eight all left"))["ngram"] == 1
    assert counts(train, samples("after one two three four five six seven nine all left"))["ngram"] == 0
    assert counts(train, samples("after eight seven six five four three two one all left"))["ngram"] == 0
    assert counts(train, samples("after one two three four five six seven nine all left"), ngram=7)["ngram"] == 1


def test_words_run_on_from_the_question_into_the_choices_but_not_into_the_next_row():
    assert counts(samples("x one two three four"), samples("y one two three four"))["ngram"] == 1
    apart = samples("one two three four", "five six seven eight", choices=[])
    assert counts(apart, samples("one two three four five six seven eight", choices=[]))["ngram"] == 0


def test_a_run_has_at_least_one_word():
    with pytest.raises(ValueError, match="ngram: found 0, expected at least 1 word"):
        overlap({}, samples("Which?"), ngram=0)


texts = st.lists(st.text("ab ", max_size=8), min_size=1, max_size=6)


@given(texts, texts, st.integers(1, 3))
def test_against_a_comparison_of_every_pair_of_rows(train, test, ngram):
    def runs(text):
        words = text.split()
        return {" ".join(words[i : i + ngram]) for i in range(len(words) - ngram + 1)}

    found = counts(samples(*train, choices=[]), samples(*test, choices=[]), ngram=ngram)
    assert found["exact"] == sum(any(a.split() == b.split() for b in train) for a in test)
    assert found["ngram"] == sum(any(runs(a) & runs(b) for b in train) for a in test)


def test_seven_large_tasks_in_seconds():
    generator = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(5000)])

    def table(rows):
        return pd.DataFrame(
            {
                "question": [" ".join(row) for row in words[generator.integers(5000, size=(rows, 30))]],
                "choices": [[" ".join(row)] * 4 for row in words[generator.integers(5000, size=(rows, 5))]],
            }
        )

    training, test = {f"task_{i}": table(5000) for i in range(7)}, table(3000)
    training["task_3"].iloc[17] = test.iloc[5]
    start = time.process_time()
    found = overlap(training, test)
    assert time.process_time() - start < 5
    assert {name: task["exact"] for name, task in found["tasks"].items() if task["exact"]} == {"task_3": 1}
    assert {name: task["ngram"] for name, task in found["tasks"].items() if task["ngram"]} == {"task_3": 1}
