"""How a score is written in a task table."""

import pytest

from p2w.config.scoring import Score
from p2w.config.settings import parse


@pytest.mark.parametrize("kind", ["exact", "normalized", "number", "math"])
def test_a_kind_that_needs_nothing_stands_for_itself(kind):
    assert parse(Score, kind) == parse(Score, {"kind": kind}) == Score(kind=kind)


def test_kinds_that_need_something_have_it_beside_them():
    assert parse(Score, {"kind": "one_of", "answers": ["yes", "no"]}).answers == ("yes", "no")
    assert parse(Score, {"kind": "code", "tests": "{test_list}"}).tests == "{test_list}"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("fuzzy", "kind: found 'fuzzy', expected one of exact, normalized, one_of, number, math, code"),
        ({"kind": "fuzzy"}, "kind: found 'fuzzy', expected one of 'exact', "),
        ("one_of", "answers: found none, expected answers with kind one_of and with no other"),
        ("code", "tests: found none, expected tests with kind code and with no other"),
        ({"kind": "exact", "tests": "x"}, "tests: found some beside kind exact, expected tests with kind code"),
        ({"kind": "one_of", "answers": ["yes"]}, "answers: found .*, expected a list of at least 2"),
        ({"kind": "one_of", "answers": ["yes", " yes"]}, "answers: found .*, expected distinct texts"),
        ({"kind": "one_of", "answers": ["yes", " "]}, "answers: found .*, expected distinct texts"),
    ],
)
def test_mistakes_in_one_line(content, error):
    with pytest.raises(ValueError, match=error) as raised:
        parse(Score, content)
    assert "\n" not in str(raised.value)
