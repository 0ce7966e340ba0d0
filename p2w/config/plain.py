"""Closed, typed configuration: a mapping becomes a frozen dataclass or an error that lists what exists."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

# torch keeps numbers like a learning rate in this type.
FLOAT32_MAX = math.ldexp(2 - 2**-23, 127)


def parse(cls: type[T], mapping: Mapping[str, Any], where: str = "") -> T:
    """Build dataclass `cls` from `mapping`, recursively.

    Raises:
        ValueError: an unknown or missing key, or a value of the wrong type; names its path, found and expected.
    """
    where = where or cls.__name__
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{where}: found {mapping!r}, expected a mapping")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(set(mapping) - set(fields), key=str)
    if unknown:
        raise ValueError(f"{where}: unknown key {', '.join(map(repr, unknown))}; known keys: {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in mapping and _required(field)]
    if missing:
        raise ValueError(f"{where}: missing key {', '.join(map(repr, missing))}")
    hints = typing.get_type_hints(cls)
    values = {name: convert(value, hints[name], f"{where}.{name}") for name, value in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def overlay(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `change`: mappings merged, None takes a key away, everything else replaced."""
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = overlay(merged[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not None}


def shown(value: Any) -> str:
    """A value in a message: of a mapping its keys, of a long text its beginning."""
    if isinstance(value, Mapping):
        return f"keys {', '.join(map(str, value)) or '(none)'}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def convert(value: Any, hint: Any, where: str) -> Any:
    """Check `value` against a type hint; lists become tuples, integers may stand for floats."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return parse(hint, value, where)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, args, where)
    if origin is typing.Literal:
        known = any(value == arg and type(value) is type(arg) for arg in args)  # 1, 1.0 and True are equal
        return _check(known, value, value, where, f"one of {', '.join(map(repr, args))}")
    if origin is tuple:
        return _convert_tuple(value, args, where)
    if origin is dict:
        _check(isinstance(value, Mapping), None, value, where, "a mapping")
        return {convert(k, args[0], where): convert(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if hint is float:
        return _convert_float(value, where)
    exact = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    return _check(exact, value, value, where, _expected(hint, value))


def _convert_float(value: Any, where: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    _check(number and abs(value) <= FLOAT32_MAX, None, value, where, _expected(float, value))
    return float(value)


def _convert_union(value: Any, args: tuple, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    kinds = [arg for arg in args if arg is not type(None)]
    if len(kinds) == 1:
        return convert(value, kinds[0], where)
    for kind in kinds:
        try:
            return convert(value, kind, where)
        except ValueError:
            continue
    return _check(False, None, value, where, " or ".join(_named(kind, value) for kind in kinds))


def _named(kind: Any, value: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(kind)))
    return "a list" if typing.get_origin(kind) is tuple else _expected(kind, value)


def _convert_tuple(value: Any, args: tuple, where: str) -> tuple:
    _check(isinstance(value, list | tuple), None, value, where, "a list")
    if args[-1] is Ellipsis:
        kinds = (args[0],) * len(value)
    else:
        kinds = args
        _check(len(value) == len(kinds), None, value, where, f"a list of {len(kinds)} values")
    return tuple(convert(item, kind, f"{where}[{i}]") for i, (item, kind) in enumerate(zip(value, kinds, strict=True)))


def _expected(hint: Any, value: Any) -> str:
    if hint is float and isinstance(value, str):
        return "a number (YAML reads 1e-4 as text; write 1.0e-4)"
    if hint is float and isinstance(value, float):
        return "a number that fits into 32 bits"
    return {int: "an integer", float: "a number", str: "text", bool: "true or false"}.get(hint, str(hint))


def _check(condition: bool, result: Any, value: Any, where: str, expected: str) -> Any:
    if not condition:
        raise ValueError(f"{where}: found {value!r}, expected {expected}")
    return result
