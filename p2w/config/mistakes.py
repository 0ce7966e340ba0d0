"""What is wrong with a configuration, in one line: the path to the key, what was found and what is expected."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

KINDS = {"integer": "an integer", "number": "a number", "string": "text", "boolean": "true or false",
         "array": "a list", "object": "a mapping", "null": "nothing"}  # fmt: skip
LIMITS = {"minimum": "of at least {}", "exclusiveMinimum": "above {}", "maximum": "of at most {}",
          "exclusiveMaximum": "below {}", "pattern": "that matches {}", "minItems": "of at least {}",
          "maxItems": "of at most {}", "minLength": "of at least {} letter",
          "minProperties": "with at least {} key"}  # fmt: skip
BITS = 2**62  # a limit beyond this is that of a type of numbers, and is said only where it is passed
EXPONENT = re.compile(r"[-+]?\d+e[-+]?\d+", re.IGNORECASE)
HINT = " (YAML reads 1e-4 as text; write 1.0e-4)"
UNKNOWN, MISSING = ("extra_forbidden", "invalid_key"), "missing"
Place = tuple[Any, ...]


def first_mistake(errors: Sequence[Mapping[str, Any]], schema: Mapping[str, Any], content: Any) -> str:
    """The first of pydantic's errors by path, in our words, and how many more there are.

    Args:
        schema: the JSON schema of what `content` should be.
    """
    mistakes: dict[tuple[list[str], int, str], str] = {}
    for error in errors:
        place, text = _mistake(error, errors, schema, content)
        # At one place an unknown key comes first, for a slip in a key leads to a missing one too.
        order = 0 if error["type"] in UNKNOWN else 1
        mistakes.setdefault((tuple(map(str, place)), order, text), f"{written(place)}{text}")
    first = min(mistakes)
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    return one_line(mistakes[first] + more)


def one_line(text: str) -> str:
    """`text` without line breaks of any kind."""
    return " ".join(text.splitlines())


def written(place: Place) -> str:
    """A path as `finetune.betas[0]: `; nothing for the whole."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{named(key)}" for key in place)
    return f"{path.removeprefix('.')}: " if path else ""


def named(key: Any) -> str:
    """A key in a message: as it is, unless that would not be seen."""
    return key if isinstance(key, str) and key and key.isprintable() else repr(key)


def shown(value: Any) -> str:
    """A value in a message: of a mapping its keys, of a long text its beginning."""
    text = f"keys {', '.join(map(named, value)) or '(none)'}" if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def listed(values: Iterable[Any]) -> str:
    """Values one after another, each once."""
    return ", ".join(dict.fromkeys(map(repr, values)))


def _mistake(
    error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]], schema: Mapping[str, Any], content: Any
) -> tuple[Place, str]:
    """Where a mistake is, and what it is."""
    kind, steps = error["type"], error["loc"]
    if kind in UNKNOWN or (kind == MISSING and isinstance(steps[-1], str)):
        place, rule, _ = _find(steps[:-1], schema, content)
        kinds = UNKNOWN if kind in UNKNOWN else (MISSING,)
        same = [other["loc"][-1] for other in errors if other["loc"][:-1] == steps[:-1] and other["type"] in kinds]
        if kind == MISSING:
            return place, f"missing key {listed(same)}"
        return (
            place,
            f"unknown key {listed(sorted(same, key=str))}; known keys: {', '.join(rule.get('properties', ()))}",
        )
    if steps and steps[-1] == "[key]":
        place, rule, _ = _find(steps[:-2], schema, content)
        pattern = next(iter(rule.get("patternProperties", ())), None)
        return (
            place,
            f"found the name {shown(steps[-2])}, expected {f'one that matches {pattern}' if pattern else 'text'}",
        )
    place, rule, value = _find(steps[:-1] if kind == MISSING else steps, schema, content)
    if kind in ("value_error", "assertion_error"):
        text = str(error["ctx"]["error"])
        key, colon, rest = text.partition(": ")
        return ((*place, key), rest) if colon and key in rule.get("properties", ()) else (place, text)
    number = any(choice.get("type") in ("number", "integer") for choice in _choices(rule, schema))
    hint = HINT if number and isinstance(value, str) and EXPONENT.fullmatch(value) else ""
    return place, f"found {shown(value)}, expected {_expected(rule, schema, value)}{hint}"


def _find(steps: Place, schema: Mapping[str, Any], content: Any) -> tuple[Place, Mapping[str, Any], Any]:
    """The place that `steps` lead to, its rule and its value; where one of several rules may hold, not further."""
    rule, value = _resolved(schema, schema), content
    for number, step in enumerate(steps):
        if "anyOf" in rule or "oneOf" in rule:
            return steps[:number], rule, value
        rule = _resolved(_inner(rule, step), schema)
        try:
            value = value[step]
        except (LookupError, TypeError):
            value = None
    return steps, rule, value


def _inner(rule: Mapping[str, Any], step: Any) -> Mapping[str, Any]:
    """The rule of a key or of an item; an empty one where there is none."""
    if rule.get("type") == "array":
        return dict(enumerate(rule.get("prefixItems", ()))).get(step, rule.get("items", {}))
    others = next(iter(rule.get("patternProperties", {}).values()), rule.get("additionalProperties", {}))
    return rule.get("properties", {}).get(step, others) or {}


def _resolved(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule that `rule` stands for; of a rule or nothing, the rule."""
    if "$ref" in rule:
        return _resolved(schema["$defs"][rule["$ref"].rsplit("/", 1)[1]], schema)
    choices = [choice for choice in rule.get("anyOf", ()) if choice.get("type") != "null"]
    return _resolved(choices[0], schema) if len(choices) == 1 else rule


def _choices(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rules = rule.get("anyOf", rule.get("oneOf", [rule]))
    return [_resolved(choice, schema) for choice in rules if choice.get("type") != "null"]


def _expected(rule: Mapping[str, Any], schema: Mapping[str, Any], value: Any = None) -> str:
    """A rule in words."""
    choices = _choices(rule, schema)
    if len(choices) > 1:
        return ", or ".join(_expected(choice, schema, value) for choice in choices)
    rule = choices[0]
    if "const" in rule or "enum" in rule:
        return f"one of {listed(rule['enum'])}" if "enum" in rule else repr(rule["const"])
    return KINDS.get(rule.get("type", "array"), "another value") + _limits(rule, value)


def _limits(rule: Mapping[str, Any], value: Any) -> str:
    if rule.get("minItems") == rule.get("maxItems", -1):
        return f" of {rule['minItems']} values"
    words = [text.format(rule[key]) for key, text in LIMITS.items() if key in rule and not _of_type(rule[key])]
    fits = f" that fits into {32 if rule.get('type') == 'number' else 64} bits" if _of_type(value) else ""
    return (f" {' and '.join(words)}" if words else "") + fits


def _of_type(limit: Any) -> bool:
    return isinstance(limit, int | float) and not abs(limit) <= BITS
