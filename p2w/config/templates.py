"""Texts with fields in braces, and regular expressions, as a configuration holds them."""

import re
import string


def check_fields(name: str, template: str, allowed: set[str]) -> None:
    """ValueError where a format string has a field that is not allowed."""
    unknown = sorted(fields_of(template, name) - allowed)
    if unknown:
        raise ValueError(f"{name}: unknown field {unknown}; fields: {sorted(allowed)}")


def fields_of(template: str, name: str) -> set[str]:
    """Names of the fields of a format string; ValueError when it is not one."""
    try:
        fields = {key for _, key, _, _ in string.Formatter().parse(template) if key is not None}
        if all(map(str.isidentifier, fields)):
            template.format_map(dict.fromkeys(fields, ""))
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{name}: found {template!r}, expected a text with fields as {{name}} ({error})") from error
    return fields


def check_columns(template: str, name: str) -> None:
    """ValueError unless a text has at least one column as its field."""
    fields = fields_of(template, name)
    if not fields or not all(map(str.isidentifier, fields)):
        raise ValueError(f"{name}: found {template!r}, expected a text with columns as {{name}}")


def check_replacement(pattern: str, replacement: str) -> None:
    """ValueError unless they are a regular expression and what may stand in its place."""
    try:
        re.sub(pattern, replacement, "")
    except (re.error, IndexError) as error:
        raise ValueError(f"replace: {pattern!r}, {replacement!r}: not a regular expression ({error})") from error
