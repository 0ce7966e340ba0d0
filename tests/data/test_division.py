"""A file that is divided into train and test: what asks the same is on one side, whatever is added to the file."""

import random

import pytest

from p2w.data.division import digest, divided


def sides(asked: list[str], labelled: list[bool] | None = None, ids: list[str] | None = None) -> tuple[set[int], ...]:
    parts = [divided(ids or asked, asked, labelled or [True] * len(asked), split) for split in ("train", "test")]
    return tuple(map(set, parts))


def test_rows_that_ask_the_same_are_never_on_both_sides() -> None:
    asked = [f"q{random.Random(k).randrange(40)}" for k in range(200)]
    train, test = sides(asked, ids=[f"{question}, row {k}" for k, question in enumerate(asked)])
    assert train | test == set(range(200))
    assert not {asked[row] for row in train} & {asked[row] for row in test}
    assert 20 <= len(test) <= 40


def test_a_question_that_many_rows_ask_never_takes_all() -> None:
    for name in "abcdefgh":
        train, test = sides([name] * 9 + ["other"])
        assert train
        assert test


def test_the_order_of_rows_does_not_matter_and_few_change_sides_when_some_are_added() -> None:
    asked = [f"q{k % 50}" for k in range(100)]
    names = [f"row {k}" for k in range(100)]
    _, test = sides(asked, ids=names)
    _, backwards = sides(asked[::-1], ids=names[::-1])
    assert {asked[row] for row in test} == {asked[::-1][row] for row in backwards}
    asked = names
    _, test = sides(asked)
    _, more = sides([*asked, *(f"more {k}" for k in range(50))])
    assert len({row for row in more if row < 100} - test) <= 5


def test_a_row_without_an_answer_to_what_the_test_asks_is_on_neither_side() -> None:
    asked, labelled = [f"q{k % 10}" for k in range(20)], [k < 10 for k in range(20)]
    train, test = sides(asked, labelled)
    assert {row + 10 for row in test}.isdisjoint(train)
    assert len(train) + 2 * len(test) == 20
    with pytest.raises(ValueError, match="found 3 rows with 1 distinct questions, 3 of them with an answer, expected"):
        sides(["q"] * 3)


def test_a_digest_tells_cells_apart_and_not_the_space_around_them() -> None:
    assert digest(["a", 1]) == digest([" a\n", "1"])
    assert len({digest(cells) for cells in (["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"])}) == 4
