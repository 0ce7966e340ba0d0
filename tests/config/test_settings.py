"""Configuration is closed and typed: a mapping becomes a dataclass, or an error with path, found and expected."""

import dataclasses
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.config.settings import convert, parse


@dataclass(frozen=True)
class Inner:
    rate: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    kind: Literal["a", "b"] = "a"
    pair: tuple[int, str] | None = None
    either: int | str = 0
    table: dict[str, Inner] = field(default_factory=dict)
    flag: bool = False

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count: found {self.count}, expected at least 0")


FULL = {
    "count": 3,
    "inner": {"rate": 1, "names": ["x", "y"]},
    "kind": "b",
    "pair": [7, "seven"],
    "either": "text",
    "table": {"first": {"rate": 0.5}},
    "flag": True,
}


def test_a_mapping_becomes_a_dataclass() -> None:
    expected = Outer(3, Inner(1.0, ("x", "y")), "b", (7, "seven"), "text", {"first": Inner(0.5)}, True)
    assert parse(Outer, FULL) == expected
    assert isinstance(parse(Outer, FULL).inner.rate, float)


def test_defaults_stand_for_missing_keys() -> None:
    assert parse(Outer, {"count": 0, "inner": {"rate": 2.5}}) == Outer(0, Inner(2.5))


MISTAKES = [
    ({"other": 1, 2: 3}, "Outer: unknown key 2, 'other'; known keys"),
    ({"cuont": 1}, "Outer: unknown key 'cuont'; known keys: count, inner, kind, pair, either, table, flag"),
    ({"inner": {"rate": 1, "nam": []}}, "Outer.inner: unknown key 'nam'; known keys: rate, names"),
    ({"inner": {}}, "Outer.inner: missing key 'rate'"),
    ({"inner": 3}, "Outer.inner: found 3, expected a mapping"),
    ({"count": "3"}, "Outer.count: found '3', expected an integer"),
    ({"count": 3.0}, "Outer.count: found 3.0, expected an integer"),
    ({"count": True}, "Outer.count: found True, expected an integer"),
    ({"count": None}, "Outer.count: found None, expected an integer"),
    ({"count": -1}, "Outer: count: found -1, expected at least 0"),
    ({"inner": {"rate": "1e-4"}}, "found '1e-4', expected a number (YAML reads 1e-4 as text; write 1.0e-4)"),
    ({"inner": {"rate": True}}, "Outer.inner.rate: found True, expected a number"),
    ({"inner": {"rate": None}}, "Outer.inner.rate: found None, expected a number"),
    ({"inner": {"rate": 1, "names": "x"}}, "Outer.inner.names: found 'x', expected a list"),
    ({"inner": {"rate": 1, "names": ["x", 2]}}, "Outer.inner.names[1]: found 2, expected text"),
    ({"kind": "c"}, "Outer.kind: found 'c', expected one of 'a', 'b'"),
    ({"kind": ["a"]}, "Outer.kind: found ['a'], expected one of 'a', 'b'"),
    ({"pair": [1]}, "Outer.pair: found [1], expected a list of 2 values"),
    ({"pair": ["x", 1]}, "Outer.pair[0]: found 'x', expected an integer"),
    ({"either": 1.5}, "Outer.either: found 1.5, expected"),
    ({"table": []}, "Outer.table: found [], expected a mapping"),
    ({"table": {"first": {"rate": "x"}}}, "Outer.table.first.rate: found 'x', expected a number"),
    ({"table": {1: {"rate": 1}}}, "Outer.table: found 1, expected text"),
    ({"flag": 1}, "Outer.flag: found 1, expected true or false"),
    ({"flag": "true"}, "Outer.flag: found 'true', expected true or false"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_mistake_names_path_found_and_expected(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(Outer, {**FULL, **change})


def test_literals_are_of_one_type() -> None:
    assert convert(1, Literal[1, 2], "x") == 1
    for value in (True, 1.0):
        with pytest.raises(ValueError, match="expected one of 1, 2"):
            convert(value, Literal[1, 2], "x")


def test_a_number_is_finite() -> None:
    for value in (10**400, 1e39, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"x: found .*, expected a number"):
            convert(value, float, "x")


def test_where_names_the_file() -> None:
    with pytest.raises(ValueError, match=r"my\.yaml\.count: found 'x'"):
        parse(Outer, {**FULL, "count": "x"}, "my.yaml")
    with pytest.raises(ValueError, match=r"my\.yaml: found None, expected a mapping"):
        parse(Outer, None, "my.yaml")


inners = st.builds(Inner, st.floats(allow_nan=False, allow_infinity=False, width=32), st.lists(st.text()).map(tuple))
outers = st.builds(
    Outer,
    st.integers(0, 2**60),
    inners,
    st.sampled_from(["a", "b"]),
    st.none() | st.tuples(st.integers(), st.text()),
    st.integers() | st.text(),
    st.dictionaries(st.text(), inners, max_size=3),
    st.booleans(),
)


@given(outers)
def test_a_dataclass_returns_from_json(value: Outer) -> None:
    """The workflow passes configuration as JSON text: nothing is lost on the way."""
    assert parse(Outer, json.loads(json.dumps(dataclasses.asdict(value)))) == value


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FULL, "other", 1]), anything))
def test_any_mapping_parses_or_is_a_value_error(change: dict[str, Any]) -> None:
    with suppress(ValueError):
        assert isinstance(parse(Outer, {**FULL, **change}), Outer)
