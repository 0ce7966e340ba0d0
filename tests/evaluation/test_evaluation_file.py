"""The evaluation file: counted from predictions alone, in the order and with the keys of the contract."""

import pandas as pd
import pytest

from p2w.evaluation.evaluation_file import evaluation_file
from p2w.runtime.seals import read_record, write_record
from p2w.runtime.tables import read_table, write_table
from tests.support.answer_tables import counted_officially, first_right, random_answers
from tests.support.recount import assert_same, recount

KEYS = {"accuracy", "valid", "accuracy_when_valid", "choice_accuracy", "acc", "acc_norm", "official", "ci95",
        "confusion", "adapters"}  # fmt: skip
SOURCES = [
    "my_control",
    "base",
    "another/control",
    *("trained/piqa", "trained/boolq"),
    *("target_trained", "multi_task", "constant", "constant/seed_1", "constant/seed_2"),
    *(f"generated/random_prompts/draw_{k}" for k in range(2)),
    *(f"generated/foreign_prompts/seed_{s}/draw_0" for s in (1, 2)),
    *(f"generated/shuffled_prompts/{seed}draw_{k}" for seed in ("", "seed_1/", "seed_2/") for k in (1, 0)),
    "nearest_prompts",
    "weight_average",
    *(f"generated/{seed}draw_{k}" for seed in ("seed_2/", "", "seed_1/") for k in (0, 1, 10)),
]
ORDER = [
    "base",
    "trained/boolq",
    "trained/piqa",
    "trained_mean",
    "best_trained",
    "weight_average",
    "nearest_prompts",
    "multi_task",
    "target_trained",
    "generated",
    "generated/shuffled_prompts",
    "generated/foreign_prompts",
    "generated/random_prompts",
    "constant",
    "another/control",
    "my_control",
]
OVERLAP = {"ngram": 8, "tasks": {"boolq": {"rows": 9, "exact": 1, "ngram": 2}}}


def build(predictions, overlap=OVERLAP, seed=0):
    return evaluation_file(predictions, "toy", "arc_easy", "test", 0.25, overlap, seed)


@pytest.fixture(scope="module")
def evaluation():
    return build(random_answers(SOURCES))


def test_keys_of_the_file(evaluation):
    assert list(evaluation) == [
        *("experiment", "held_out", "split", "n", "chance", "majority", "sources", "comparisons", "overlap")
    ]
    assert (evaluation["n"], evaluation["chance"], evaluation["split"]) == (40, 0.25, "test")
    assert evaluation["overlap"] == OVERLAP


def test_sources_in_order_with_all_keys(evaluation):
    assert list(evaluation["sources"]) == ORDER
    for result in evaluation["sources"].values():
        assert set(result) >= {*KEYS, "choice_text_accuracy"}


def test_option_text_is_left_out_where_it_was_not_scored():
    result = build(random_answers(["base", "trained/piqa"], option_text=False))
    assert set(result["sources"]["trained_mean"]) == KEYS


def test_draws_and_seeds():
    rights = {"base": 1, "generated/draw_0": 2, "generated/draw_1": 4, "constant": 1, "constant/seed_7": 3}
    sources = build(first_right({**rights, "generated/seed_7/draw_0": 6, "generated/seed_7/draw_1": 6}))["sources"]
    generated, constant = sources["generated"], sources["constant"]
    assert generated["accuracy"] == pytest.approx(0.45)
    assert (generated["adapters"], generated["draws"], generated["seeds"]) == (4, 2, 2)
    assert generated["std_over_draws"] == pytest.approx((0.02 / 2) ** 0.5)
    assert generated["std_over_seeds"] == pytest.approx(0.3 / 2**0.5)
    assert (constant["adapters"], constant["seeds"], constant["std_over_seeds"]) == (2, 2, pytest.approx(0.2 / 2**0.5))
    assert "draws" not in constant


def test_comparisons_are_with_everything_that_answered(evaluation):
    answered = [name for name in ORDER if name not in ("trained_mean", "best_trained", "generated")]
    assert list(evaluation["comparisons"]) == answered
    assert build(random_answers(["base", "trained/piqa"]))["comparisons"] == {}


def test_a_further_generator_is_compared_with_everything_too():
    rights = {"base": 1, "ridge/draw_0": 7, "ridge/draw_1": 5, "constant": 2, "generated/shuffled_prompts/draw_0": 3}
    found = build(first_right({**rights, "generated/draw_0": 3, "generated/draw_1": 5}, rows=11))
    assert list(found["sources"]) == ["base", "generated", "generated/shuffled_prompts", "constant", "ridge"]
    assert (found["sources"]["ridge"]["draws"], found["sources"]["ridge"]["accuracy"]) == (2, pytest.approx(6 / 11))
    assert found["comparisons"]["ridge"]["difference"] == pytest.approx(-2 / 11)
    assert list(found["comparisons_of"]) == ["ridge"]
    against = {name: one["difference"] * 11 for name, one in found["comparisons_of"]["ridge"].items()}
    assert against == pytest.approx({"base": 5, "generated": 2, "generated/shuffled_prompts": 3, "constant": 4})


def test_comparisons_pair_the_rows_whatever_their_order():
    table = first_right({"base": 4, "generated/draw_0": 4}, rows=8)
    mixed = pd.concat([table[:8], table[8:][::-1]], ignore_index=True)
    for predictions in (table, mixed):
        found = build(predictions)["comparisons"]["base"]
        assert (found["difference"], found["generated_only"], found["other_only"]) == (0, 0, 0)
        assert (found["ci95"], found["mcnemar_p"], found["n"]) == ([0, 0], 1, 8)


def test_only_intervals_depend_on_the_seed(evaluation):
    other = build(random_answers(SOURCES), seed=1)
    assert evaluation == build(random_answers(SOURCES))
    assert other["comparisons"]["base"]["ci95"] != evaluation["comparisons"]["base"]["ci95"]
    assert other["sources"] == evaluation["sources"]


def test_a_recount_of_further_generators_but_for_their_intervals():
    draws = ("generated/draw_0", "ridge/draw_0", "ridge/draw_1", "deep/seed_3/draw_0", "deep/draw_0")
    predictions = random_answers(["base", "generated/shuffled_prompts/draw_0", *draws])
    expected, found = recount(predictions.to_dict("records"), counted_officially, resample=False), build(predictions)
    assert list(expected["comparisons_of"]) == ["deep", "ridge"]
    assert_same({key: found[key] for key in expected}, expected)


def test_an_independent_recount_from_the_files_equals_every_number(tmp_path):
    write_table(tmp_path / "predictions.parquet", random_answers(SOURCES), {})
    rows = read_table(tmp_path / "predictions.parquet").to_pylist()
    write_record(tmp_path / "evaluation.json", build(pd.read_parquet(tmp_path / "predictions.parquet")))
    written = read_record(tmp_path / "evaluation.json")
    expected = recount(rows, counted_officially)
    assert list(written["sources"]) == list(expected["sources"])
    assert_same({key: written[key] for key in expected}, expected)


def renamed(base):
    return lambda table: table.assign(source=table["source"].replace("base", base))


WRONG = {
    "a missing column": (lambda t: t.drop(columns="response"), r"missing \['response'\]"),
    "no rows": (lambda t: t[:0], "found columns .* and 0 rows"),
    "a gold that no choice has": (lambda t: t.assign(gold=2), "base, row 'row-0': gold: found 2, expected 0 to 1"),
    "no gold": (lambda t: t.assign(gold=-1), "gold: found -1, expected 0 to 1"),
    "a prediction too small": (lambda t: t.assign(prediction=-2), "prediction: found -2, expected -1 to 1"),
    "a choice too large": (lambda t: t.assign(choice=2), "choice: found 2, expected 0 to 1"),
    "a row less": (lambda t: t[:-1], "generated/draw_1: found 3 rows that are not the 4 of base"),
    "a row twice": (lambda t: pd.concat([t, t[-1:]]), "generated/draw_1: found 5 rows"),
    "another row": (lambda t: t.assign(id=[*t["id"][:-1], "x"]), "generated/draw_1: found 4 rows that are not"),
    "another gold": (lambda t: t.assign(gold=[*t["gold"][:-1], 0]), "generated/draw_1: found other right answers"),
    "draws beside none": (renamed("generated"), "generated: found 3 adapters, expected the same"),
    "an uneven number of draws": (renamed("generated/seed_1/draw_0"), "same draws for each of 2"),
}


@pytest.mark.parametrize("case", WRONG)
def test_predictions_that_are_not_those_of_one_evaluation(case):
    change, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        build(change(first_right({"base": 1, "generated/draw_0": 2, "generated/draw_1": 2}, rows=4)))
