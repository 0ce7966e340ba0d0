"""Configuration that satisfies a closed JSON schema; what does not is named in one line."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from p2w.config.mistakes import shown

KINDS = {"integer": "an integer", "number": "a number", "string": "text", "boolean": "true or false",
         "array": "a list", "object": "a mapping"}  # fmt: skip


def check_schema(content: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    """ValueError with the first thing in which `content` does not satisfy `schema`: its path, found and expected."""
    errors = sorted(Draft202012Validator(schema).iter_errors(content), key=_place)
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in errors[0].absolute_path)
        raise ValueError(f"{where}: {f'{path[1:]}: ' if path else ''}{_problem(errors[0], schema)}{more}")


def _place(error: ValidationError) -> tuple[list[str], bool]:
    """By path; at one place an unknown key comes first, for a slip in a key leads to a missing one too."""
    return [*map(str, error.path)], error.validator != "additionalProperties"


def _problem(error: ValidationError, root: Mapping[str, Any]) -> str:
    value, rule = error.instance, error.schema
    if error.validator == "additionalProperties":
        known = list(rule["properties"])
        return f"unknown key {_listed(key for key in value if key not in known)}; known keys: {', '.join(known)}"
    if error.validator == "required":
        return f"missing key {_listed(key for key in rule['required'] if key not in value)}"
    if error.validator == "uniqueItems":
        return f"found {_listed(item for item in value if value.count(item) > 1)} more than once, expected once"
    if "propertyNames" in error.absolute_schema_path:
        return f"found the name {value!r}, expected one that matches {rule['pattern']}"
    hint = " (YAML reads 1e-4 as text; write 1.0e-4)" if _is_number(value) and error.validator == "type" else ""
    return f"found {shown(value)}, expected {_expected(rule, root)}{hint}"


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, str) and float(value) is not None
    except ValueError:
        return False


def _expected(rule: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A schema in words."""
    if "$ref" in rule:
        return _expected(root["$defs"][rule["$ref"].rsplit("/", 1)[1]], root)
    if "oneOf" in rule:
        return ", or ".join(_expected(choice, root) for choice in rule["oneOf"])
    if "const" in rule or "enum" in rule:
        return f"one of {_listed(rule['enum'])}" if "enum" in rule else repr(rule["const"])
    if "required" in rule and "type" not in rule:
        return " and ".join(rule["required"])
    return KINDS.get(rule.get("type", "array"), "another value") + _limits(rule)


def _limits(rule: Mapping[str, Any]) -> str:
    words = {"minimum": "of at least {}", "exclusiveMinimum": "above {}", "exclusiveMaximum": "below {}",
             "pattern": "that matches {}", "minItems": "of at least {}", "maxItems": "of at most {}",
             "minLength": "of at least {} letter", "minProperties": "with at least {} key"}  # fmt: skip
    limits = [text.format(rule[key]) for key, text in words.items() if key in rule]
    return f" {' and '.join(limits)}" if limits else ""


def _listed(values: Any) -> str:
    return ", ".join(map(repr, dict.fromkeys(map(_hashable, values))))


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else str(value)
