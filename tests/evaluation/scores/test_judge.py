"""Free answers, right and wrong, kind by kind: tables of reference, answer and verdict."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.config.scoring import Score
from p2w.config.settings import parse
from p2w.evaluation.scores.judge import KINDS, judge
from p2w.evaluation.scores.verdict import WRONG, Verdict

RIGHT, MISSED, INVALID = Verdict(True, True), Verdict(False, True), WRONG
YES_NO = {"kind": "one_of", "answers": ["yes", "no", "not sure"]}
SUM = "Half of 48 is 24.\n48 + 24 = 72.\n#### 72"


def verdicts(score, rows, ended=True) -> list[Verdict]:
    """Of rows (reference, text)."""
    samples = pd.DataFrame({"response": [row[0] for row in rows], "tests": None})
    return judge(parse(Score, score), [row[1] for row in rows], [ended] * len(rows), samples, execute_code=False)


def check(score, table) -> None:
    wrong = [(row, found) for row, found in zip(table, verdicts(score, table), strict=True) if found != row[2]]
    assert wrong == []


def test_exact_is_the_same_text_white_space_around_it_aside():
    check("exact", [("Paris", "Paris", RIGHT), ("Paris", " Paris\n", RIGHT), ("Paris", "paris", MISSED),
                    ("Paris", "Paris.", MISSED), ("a b", "a  b", MISSED), ("Paris", "", MISSED)])  # fmt: skip


def test_normalized_is_as_squad_compares():
    check("normalized", [
        ("The Eiffel Tower", "eiffel tower.", RIGHT), ("U.S.", "us", RIGHT), ("a  b\tc", "B, c!", RIGHT),
        ("forty-two", "fortytwo", RIGHT), ("theatre", "the atre", MISSED), ("Paris", "in Paris", MISSED),
        ("café", "cafe", MISSED), ("Paris", "", MISSED), ("the", "The", MISSED), ("the", "the", RIGHT),
        ("?", "!", MISSED),
    ])  # fmt: skip


def test_one_of_is_one_of_the_set_to_the_letter():
    check(YES_NO, [("yes", "yes", RIGHT), ("yes", " yes\n", RIGHT), ("yes", "no", MISSED), ("yes", "Yes", INVALID),
                   ("yes", "yes.", INVALID), ("yes", "yes or no", INVALID), ("no", "not sure", MISSED),
                   ("yes", "", INVALID)])  # fmt: skip


def test_number_after_four_hashes_where_the_reference_has_them():
    check("number", [
        (SUM, SUM, RIGHT), (SUM, "#### 72", RIGHT), (SUM, "####72.", RIGHT), (SUM, "#### 72.00", RIGHT),
        (SUM, "#### $72", RIGHT), (SUM, "#### 72 clips", RIGHT), (SUM, "#### 72\n", RIGHT), (SUM, "#### 73", MISSED),
        (SUM, "#### -72", MISSED), (SUM, "#### 7.2", MISSED), (SUM, "#### 72\n#### 24", MISSED),
        (SUM, "#### 24\n#### 72", RIGHT), (SUM, "The answer is 72.", INVALID), (SUM, "72 ####", INVALID),
        (SUM, "#### seventy-two", INVALID), (SUM, "### 72", INVALID), (SUM, "", INVALID),
        ("#### 1,000", "#### 1000", RIGHT), ("#### 1000", "#### $1,000.00", RIGHT), ("#### 1000", "#### 1", MISSED),
        ("#### -5", "#### -5.", RIGHT), ("#### -5", "#### -$5", RIGHT), ("#### -5", "#### 5", MISSED),
        ("#### 0.5", "#### .50", RIGHT), ("#### 0.1", "#### 0.10000000000000001", MISSED),
        ("#### 7", "#### ٧", INVALID),
    ])  # fmt: skip


def test_the_last_number_where_the_reference_has_no_hashes():
    check("number", [("72", "72", RIGHT), ("72", "48 + 24 = 72.", RIGHT), ("72", "It is $72.00!", RIGHT),
                     ("72", "72, not 24", MISSED), ("-3", "so -3", RIGHT), ("72", "none", INVALID)])  # fmt: skip


def test_math_is_the_same_expression():
    check("math", [
        (r"So $\boxed{\frac12}$.", r"\boxed{0.5}", RIGHT), (r"\boxed{\frac12}", r"\boxed{\dfrac{2}{4}}", RIGHT),
        (r"\boxed{\frac12}", r"\boxed{\frac13}", MISSED), (r"\boxed{1\frac12}", r"\boxed{1.5}", RIGHT),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"$\boxed{\frac{\sqrt{2}}{2}}$", RIGHT),
        (r"\boxed{x^2+2x+1}", r"\boxed{(x+1)^2}", RIGHT), (r"\boxed{x^2+2x+1}", r"\boxed{(x-1)^2}", MISSED),
        (r"\boxed{[2,5)}", r"\boxed{[2, 5)}", RIGHT), (r"\boxed{[2,5)}", r"\boxed{(2,5)}", MISSED),
        (r"\boxed{\{1,2\}}", r"\boxed{\{2,1\}}", RIGHT), (r"\boxed{\{1,2\}}", r"\boxed{\{1\}}", MISSED),
        (r"\boxed{(3,4)}", r"\boxed{(4,3)}", MISSED), (r"\boxed{-\infty}", r"\boxed{\infty}", MISSED),
        (r"\boxed{50\%}", r"\boxed{50}", RIGHT), (r"\boxed{50\%}", r"\boxed{0.5}", RIGHT),
        (r"\boxed{5\text{ cm}}", r"\boxed{5}", RIGHT), (r"\boxed{90^\circ}", r"\boxed{90}", RIGHT),
        (r"\boxed{\$10}", r"\boxed{10}", RIGHT), (r"\boxed{1,\!000}", r"\boxed{1000}", RIGHT),
        (r"\boxed{\text{even}}", r"\boxed{\text{even}}", RIGHT),
        (r"\boxed{\text{even}}", r"\boxed{\text{odd}}", MISSED),
        (r"\boxed{\text{(A)}}", r"\boxed{A}", RIGHT), (r"\boxed{x=5}", r"\boxed{5}", RIGHT),
        (r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}", r"\boxed{\begin{pmatrix}2\\1\end{pmatrix}}", MISSED),
        (r"\boxed{7}", "The answer is 7.", RIGHT), (r"\boxed{7}", "I do not know.", INVALID),
        (r"\boxed{7}", "", INVALID),
        (r"\boxed{7}", r"\boxed{}", INVALID), (r"\boxed{7}", r"\boxed{" * 2000, INVALID),
    ])  # fmt: skip


@pytest.mark.long
def test_a_power_without_end_is_wrong_in_bounded_time_and_stops_no_other():
    tower = r"\boxed{9^{9^{9^9}}}"
    check("math", [(r"\boxed{7}", tower, MISSED), (r"\boxed{7}", r"\boxed{7}", RIGHT)])


def test_an_answer_that_was_cut_off_is_invalid():
    assert verdicts("exact", [("Paris", "Paris")], ended=False) == [INVALID]
    samples = pd.DataFrame({"response": ["a", "b", "c"], "tests": None})
    found = judge(Score(kind="exact"), ["a", "b", "x"], [True, False, True], samples, execute_code=False)
    assert found == [RIGHT, INVALID, MISSED]


@pytest.mark.parametrize(
    ("score", "reference", "error"),
    [
        (YES_NO, "maybe", "score.answers: found the reference 'maybe', expected one of"),
        ("number", "none", "found no number in the reference 'none'"),
        ("math", "none", "found no expression in the reference 'none'"),
    ],
)
def test_a_reference_that_cannot_be_compared_with_is_an_error(score, reference, error):
    with pytest.raises(ValueError, match=error):
        verdicts(score, [(reference, "1")])


def test_code_is_not_run_unless_the_experiment_says_so():
    samples = pd.DataFrame({"response": ["x = 1"], "tests": ["assert x == 1"]})
    with pytest.raises(ValueError, match=r"evaluation.execute_code: found false, expected true"):
        judge(Score(kind="code", tests="{test}"), ["x = 1"], [True], samples, execute_code=False)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_takes_no_answers_at_all(kind):
    extra = {"one_of": {"answers": ["a", "b"]}, "code": {"tests": "{test}"}}.get(kind, {})
    samples = pd.DataFrame({"response": ["a"], "tests": ["x"]})
    score = parse(Score, {"kind": kind, **extra})
    assert judge(score, ["a"], [False], samples, execute_code=True) == [INVALID]


@given(text=st.text(max_size=30), reference=st.text(min_size=1, max_size=10))
def test_whatever_is_said_right_answers_are_valid_and_the_reference_is_right(text, reference):
    for kind in ("exact", "normalized"):
        (said, itself) = verdicts(kind, [(reference, text), (reference, reference)])
        assert itself == RIGHT
        assert said.valid >= said.right
