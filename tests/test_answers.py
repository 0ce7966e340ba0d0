"""The strict parser: a response and nothing else."""

import pytest

from p2w.answers import INVALID, parse_answer

LETTERS = ["[A]", "[B]", "[C]"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("[A]", 0),
        ("[C]", 2),
        (" [B]\n", 1),
        ("", INVALID),
        ("C", INVALID),
        ("C.", INVALID),
        ("(C)", INVALID),
        ("[c]", INVALID),
        ("[3]", INVALID),
        ("[D]", INVALID),
        ("[A] [B]", INVALID),
        ("Answer: [C]", INVALID),
        ("[C] because it is", INVALID),
        ("［C］", INVALID),
        ("noise " * 1000, INVALID),
    ],
)
def test_letters(text, position):
    assert parse_answer(text, LETTERS) == position


def test_true_and_false_are_treated_alike():
    responses = ["[True]", "[False]"]
    for inner in ("{}", "{}.", "[{}].", "[ {} ]", "yes {}"):
        assert {parse_answer(inner.format(word), responses) for word in ("True", "False")} == {INVALID}
    assert [parse_answer(f" {response} ", responses) for response in responses] == [0, 1]
