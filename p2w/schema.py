"""YAML files that satisfy a closed JSON schema; what does not is named in one line.

The workflow reads its configuration with this while it is parsed, so nothing heavy is imported.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

KINDS = {"integer": "an integer", "number": "a number", "string": "text", "boolean": "true or false",
         "array": "a list", "object": "a mapping"}  # fmt: skip


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML file that holds a mapping, or nothing; ValueError names file, line and what is wrong."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{path}{place}: not valid YAML ({error.problem or error.context})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict | None):
        raise ValueError(f"{path}: found {_shown(content)}, expected a mapping")
    return content or {}


def check_schema(content: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    """ValueError with the first thing in which `content` does not satisfy `schema`: its path, found and expected."""
    errors = sorted(Draft202012Validator(schema).iter_errors(content), key=lambda error: [*map(str, error.path)])
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in errors[0].absolute_path)
        raise ValueError(f"{where}: {f'{path[1:]}: ' if path else ''}{_problem(errors[0], schema)}{more}")


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
    return f"found {_shown(value)}, expected {_expected(rule, root)}{hint}"


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


def _shown(value: Any) -> str:
    """A value in a message: of a mapping its keys, of a long text its beginning."""
    if isinstance(value, Mapping):
        return f"keys {', '.join(map(str, value)) or '(none)'}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
