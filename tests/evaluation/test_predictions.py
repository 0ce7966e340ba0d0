"""The predictions table: the contract's columns, counted from what the model answered."""

import numpy as np
import pandas as pd
import pytest

from p2w.base.base_model import load_tokenizer
from p2w.evaluation.continuations import Answer
from p2w.evaluation.predictions import prediction_table

COLUMNS = ["source", "id", "choices", "gold", "response", "text", "prediction", "choice"]
SCORES = ["likelihoods", "likelihoods_without_end", "characters"]


@pytest.fixture
def samples(tiny_samples):
    two = tiny_samples.head(2).copy()
    two.at[1, "choices"] = ["é", "a long one", ""]
    two.at[1, "responses"] = ["[A]", "[B]", "[é]"]
    return two


def table(base, samples, options):
    tokenizer = load_tokenizer(base)
    answers = [
        Answer(tokenizer(" [A] ")["input_ids"], [-2.0, -1.0], [-0.5, -0.75], options[0]),
        Answer(tokenizer("[A]!")["input_ids"], [-3.0, -4.0, -2.5], [-2.0, -1.0, -2.25], options[1]),
    ]
    return prediction_table(tokenizer, samples, "generated/draw_0", answers)


def test_columns(tiny_base_model, samples):
    found = table(tiny_base_model, samples, [[], []])
    assert list(found) == [*COLUMNS, *SCORES]
    assert found[COLUMNS].to_dict("list") == {
        "source": ["generated/draw_0"] * 2,
        "id": ["toy-0", "toy-1"],
        "choices": [2, 3],
        "gold": [0, 1],
        "response": ["[A]", "[B]"],
        "text": [" [A] ", "[A]!"],
        "prediction": [0, -1],
        "choice": [1, 2],
    }
    assert [list(scores) for scores in found["likelihoods"]] == [[-2, -1], [-3, -4, -2.5]]
    assert [list(scores) for scores in found["likelihoods_without_end"]] == [[-0.5, -0.75], [-2, -1, -2.25]]
    assert all(scores.dtype == np.float32 for name in SCORES[:2] for scores in found[name])
    assert list(found["characters"]) == [[3, 3], [3, 3, 3]]  # not bytes


def test_option_texts_are_compared_per_byte(tiny_base_model, samples):
    # "yes" at -1 per byte beats "no" at -1.25; "é" is two bytes, and an empty text is never chosen.
    found = table(tiny_base_model, samples, [[-3.0, -2.5], [-1.9, -10.0, 0.0]])
    assert list(found) == [*COLUMNS, *SCORES, "choice_text"]
    assert list(found["choice_text"]) == [0, 0]


def test_it_survives_parquet(tiny_base_model, samples, tmp_path):
    found = table(tiny_base_model, samples, [[-3.0, -2.5], [-1.9, -10.0, 0.0]])
    found.to_parquet(tmp_path / "predictions.parquet")
    again = pd.read_parquet(tmp_path / "predictions.parquet")
    assert all(again[name].map(list).equals(found[name].map(list)) for name in SCORES)
    assert again.drop(columns=SCORES).equals(found.drop(columns=SCORES))
