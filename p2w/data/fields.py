"""The columns of a raw row, by path and as parts of a text."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def cell(where: str, row: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted column path."""
    value: Any = row
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            known = ", ".join(value) if isinstance(value, Mapping) else type(value).__name__
            raise ValueError(f"{where}: no column {path!r}; columns: {known}")
        value = value[key]
    return value


def columns_in(template: str) -> list[str]:
    """The columns that a text names."""
    return re.findall(r"{(\w+)}", template)


def fill(where: str, template: str, row: Mapping[str, Any], lists: bool = False) -> str:
    """A text with a row's columns in it, white space around each aside; with `lists` a list is one item a line."""
    values = {name: cell(where, row, name) for name in columns_in(template)}
    return template.format(**{name: _said(where, name, value, lists).strip() for name, value in values.items()})


def _said(where: str, name: str, value: Any, lists: bool) -> str:
    """A cell as part of a text: text or a whole number."""
    if lists and isinstance(value, list | tuple | np.ndarray):
        return "\n".join(as_text(where, name, item) for item in value)
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return str(value) if whole else as_text(where, name, value)


def as_text(where: str, name: str, value: Any) -> str:
    """A cell that is text; ValueError says what it is instead."""
    if not isinstance(value, str):
        raise ValueError(f"{where}: column {name!r}: found {value!r}, expected text")
    return value


def is_missing(value: Any) -> bool:
    """None, NaN or NA: how a null of a parquet file arrives depends on its column's type."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
