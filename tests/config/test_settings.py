"""Configuration is closed and typed: a mapping becomes an object, or an error with path, found and expected."""

import argparse
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints, model_validator

from p2w.config.settings import Count, Number, Positive, Settings, json_argument, parse
from tests.support.anything import anything


class Inner(Settings):
    rate: Number
    names: tuple[str, ...] = ()


class Outer(Settings):
    count: Count
    inner: Inner
    kind: Literal["a", "b"] = "a"
    pair: tuple[int, str] | None = None
    either: Count | Literal["all"] = 1
    table: dict[Annotated[str, StringConstraints(pattern="^[a-z]+$")], Inner] = Field(default_factory=dict)
    shapes: tuple[tuple[Count, Count, Count], ...] = ()
    peak: Positive = 1.0
    flag: bool = False

    @model_validator(mode="after")
    def _count_of_shapes(self) -> "Outer":
        if len(self.shapes) > self.count:
            raise ValueError(f"shapes: found {len(self.shapes)}, expected at most count")
        return self


FULL = {
    "count": 3,
    "inner": {"rate": 1, "names": ["x", "y"]},
    "kind": "b",
    "pair": [7, "seven"],
    "either": "all",
    "table": {"first": {"rate": 0.5}},
    "shapes": [[1, 2, 3]],
    "flag": True,
}


def test_a_mapping_becomes_an_object() -> None:
    made = parse(Outer, FULL)
    assert (made.count, made.inner, made.kind, made.pair) == (3, Inner(rate=1.0, names=("x", "y")), "b", (7, "seven"))
    assert (made.either, made.table, made.shapes) == ("all", {"first": Inner(rate=0.5)}, ((1, 2, 3),))
    assert isinstance(made.inner.rate, float)
    with pytest.raises(ValueError, match="frozen"):
        made.count = 4


def test_defaults_stand_for_missing_keys_and_are_not_what_was_given() -> None:
    made = parse(Outer, {"count": 1, "inner": {"rate": 2.5}})
    assert made == Outer(count=1, inner=Inner(rate=2.5))
    assert made.given() == {"count": 1, "inner": {"rate": 2.5}}
    assert set(made.to_json()) == set(Outer.model_fields)


MISTAKES = [
    ({"other": 1, 2: 3}, "unknown key 2, 'other'; known keys: count, inner"),
    ({"cuont": 1}, "unknown key 'cuont'; known keys: count, inner, kind, pair, either, table, shapes, peak, flag"),
    ({"a\nb": 1}, "unknown key 'a\\nb'; known"),
    ({"inner": {"rate": 1, "nam": []}}, "inner: unknown key 'nam'; known keys: rate, names"),
    ({"inner": {"nam": []}}, "inner: unknown key 'nam'; known keys: rate, names (and 1 more)"),
    ({"inner": {}}, "inner: missing key 'rate'"),
    ({"inner": 3}, "inner: found 3, expected a mapping"),
    ({"count": "3"}, "count: found '3', expected an integer of at least 1"),
    ({"count": 3.0}, "count: found 3.0, expected an integer"),
    ({"count": True}, "count: found True, expected an integer"),
    ({"count": None}, "count: found None, expected an integer"),
    ({"count": -1}, "count: found -1, expected an integer of at least 1"),
    ({"count": 2**64}, "expected an integer of at least 1 that fits into 64 bits"),
    ({"inner": {"rate": "1e-4"}}, "found '1e-4', expected a number (YAML reads 1e-4 as text; write 1.0e-4)"),
    ({"inner": {"rate": True}}, "inner.rate: found True, expected a number"),
    ({"inner": {"rate": None}}, "inner.rate: found None, expected a number"),
    ({"inner": {"rate": 1e39}}, "inner.rate: found 1e+39, expected a number that fits into 32 bits"),
    ({"inner": {"rate": 10**400}}, "expected a number that fits into 32 bits"),
    ({"inner": {"rate": float("nan")}}, "inner.rate: found nan, expected a number"),
    ({"inner": {"rate": float("inf")}}, "inner.rate: found inf, expected a number"),
    ({"inner": {"rate": 1, "names": "x"}}, "inner.names: found 'x', expected a list"),
    ({"inner": {"rate": 1, "names": ["x", 2]}}, "inner.names[1]: found 2, expected text"),
    ({"kind": "c"}, "kind: found 'c', expected one of 'a', 'b'"),
    ({"kind": ["a"]}, "kind: found ['a'], expected one of 'a', 'b'"),
    ({"pair": [1]}, "pair: found [1], expected a list of 2 values"),
    ({"pair": [1, "x", 2]}, "pair: found [1, 'x', 2], expected a list of 2 values"),
    ({"pair": ["x", "y"]}, "pair[0]: found 'x', expected an integer"),
    ({"either": 0}, "either: found 0, expected an integer of at least 1, or 'all'"),
    ({"table": []}, "table: found [], expected a mapping"),
    ({"table": {"first": {"rate": "x"}}}, "table.first.rate: found 'x', expected a number"),
    ({"table": {1: {"rate": 1}}}, "table: found the name 1, expected one that matches ^[a-z]+$"),
    ({"table": {"a\nb": {"rate": "x"}}}, "table: found the name 'a\\nb', expected one that matches"),
    ({"shapes": [[5, 4]]}, "shapes[0]: found [5, 4], expected a list of 3 values"),
    ({"shapes": [[5, 4, 0]]}, "shapes[0][2]: found 0, expected an integer of at least 1"),
    ({"shapes": [[1, 1, 1]] * 4}, "shapes: found 4, expected at most count"),
    ({"peak": 0}, "peak: found 0, expected a number above 0"),
    ({"flag": 1}, "flag: found 1, expected true or false"),
    ({"flag": "true", "kind": "c"}, "flag: found 'true', expected true or false (and 1 more)"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_mistake_names_file_path_found_and_expected(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=r"^my\.yaml: ") as caught:
        parse(Outer, {**FULL, **change}, "my.yaml")
    assert message in str(caught.value)


def test_something_else_than_a_mapping() -> None:
    with pytest.raises(ValueError, match=r"^my\.yaml: found None, expected a mapping$"):
        parse(Outer, None, "my.yaml")
    endless: list = []
    endless.append(endless)
    with pytest.raises(ValueError, match=r"^nested without end$"):
        parse(Outer, {**FULL, "shapes": endless})


def test_json_on_a_command_line_keeps_the_reason() -> None:
    assert json_argument(Inner)('{"rate": 3}') == Inner(rate=3)
    with pytest.raises(argparse.ArgumentTypeError, match=r"^unknown key 'raet'; known keys: rate, names"):
        json_argument(Inner)('{"raet": 3}')
    with pytest.raises(argparse.ArgumentTypeError, match="found 'rate: 3', expected JSON"):
        json_argument(Inner)("rate: 3")


@given(st.dictionaries(st.sampled_from([*FULL, "other", 1, "\n"]), anything))
def test_anything_becomes_an_object_or_an_error_of_one_line(change: dict[str, Any]) -> None:
    try:
        made = parse(Outer, {**FULL, **change})
    except ValueError as error:
        said = str(error)
    else:
        assert parse(Outer, json.loads(json.dumps(made.to_json()))) == made, "nothing is lost in JSON"
        return
    assert len(said.splitlines()) == 1
