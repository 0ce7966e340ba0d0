"""Closed, typed settings: a mapping becomes a frozen object, or an error of one line that says what is expected."""

import argparse
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from p2w.config.mistakes import first_mistake, one_line
from p2w.runtime.code import ROOT

T = TypeVar("T")

# torch keeps whole numbers and numbers like a learning rate in these types.
INT64_MAX = 2**63 - 1
FLOAT32_MAX = math.ldexp(2 - 2**-23, 127)

Whole = Annotated[int, Field(ge=0, le=INT64_MAX)]
Count = Annotated[int, Field(ge=1, le=INT64_MAX)]
Number = Annotated[float, Field(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]
NotNegative = Annotated[float, Field(ge=0, le=FLOAT32_MAX)]
Positive = Annotated[float, Field(gt=0, le=FLOAT32_MAX)]
Share = Annotated[float, Field(ge=0, lt=1)]
Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]*$")]
Revision = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")]  # a commit
Package = Annotated[str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]  # as Python imports it
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Settings(pydantic.BaseModel):
    """What a part of the configuration says: no other keys, no value of another type, never changed.

    An integer may stand for a number; a list becomes a tuple. A rule between keys is a validator that raises a
    ValueError "key: found X, expected Y".
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The keys that were given, as JSON values: a default that is added later changes nothing."""
        return self.model_dump(mode="json", exclude_unset=True)

    def to_json(self) -> dict[str, Any]:
        """All keys as JSON values."""
        return self.model_dump(mode="json")


def check_place(settings: Settings, *ways: tuple[str, ...]) -> None:
    """ValueError unless `settings` have the keys of one of the ways to say where something is, and of no other way."""
    found = [key for key in dict.fromkeys(sum(ways, ())) if getattr(settings, key) is not None]
    if not any(set(found) == set(way) for way in ways):
        expected = ", or ".join(" and ".join(way) for way in ways)
        raise ValueError(f"found {' and '.join(found) or 'none'}, expected {expected}")


def find_folder(path: str) -> Path:
    """Where a path of the configuration leads: from the working directory, or else from P2W's own folder."""
    return Path(path) if Path(path).exists() else ROOT / path


def parse(kind: type[T], content: Any, where: str = "") -> T:
    """`content`, plain values, as a `kind`: Settings, or a type of Python; the ValueError is one line that says
    `where`, the path to the key, what was found and what is expected."""
    try:
        return TypeAdapter(kind).validate_python(_frozen(content))
    except pydantic.ValidationError as error:
        schema = TypeAdapter(kind).json_schema()
        found = first_mistake(error.errors(include_url=False), schema, content)
    except RecursionError:
        found = "nested without end"
    except ValueError as error:
        raise ValueError(one_line(str(error))) from error
    raise ValueError(f"{where}: {found}" if where else found)


def _frozen(value: Any) -> Any:
    """`value` with tuples for lists, as strict validation wants them."""
    if isinstance(value, Mapping):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def overlay(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `change`: mappings merged, None takes a key away, everything else replaced."""
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = overlay(merged[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not None}


def json_argument(kind: type[T]) -> Callable[[str], T]:
    """Type of a command's argument whose text is the JSON of a `kind`."""

    def convert(text: str) -> T:
        try:
            return parse(kind, json.loads(text))
        except json.JSONDecodeError as error:
            raise argparse.ArgumentTypeError(f"found {text[:80]!r}, expected JSON ({error})") from error
        except (ValueError, RecursionError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert
