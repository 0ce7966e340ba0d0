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
Place, Rule = tuple[Any, ...], Mapping[str, Any]


def first_mistake(errors: Sequence[Mapping[str, Any]], schema: Mapping[str, Any], content: Any) -> str:
    """The first of pydantic's errors by path, in our words, and how many more; `schema` is that of valid `content`."""
    whole = _inlined(schema, schema.get("$defs", {}))
    # At one place an unknown key comes first, for a slip in a key leads to a missing one too.
    found = {(*_mistake(error, errors, whole, content), error["type"] not in UNKNOWN) for error in errors}
    place, text, _ = min(found, key=lambda mistake: (list(map(str, mistake[0])), mistake[2], mistake[1]))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{named(key)}" for key in place).removeprefix(".")
    return one_line(f"{path}: {text}{more}" if path else f"{text}{more}")


def one_line(text: str) -> str:
    """`text` without line breaks of any kind."""
    return " ".join(text.splitlines())


def named(key: Any) -> str:
    """A key in a message: as it is, unless that would not be seen."""
    return key if isinstance(key, str) and key and key.isprintable() else repr(key)


def shown(value: Any) -> str:
    """A value in a message: of a mapping its keys, of a long text its beginning."""
    value = list(value) if isinstance(value, tuple) else value
    text = f"keys {', '.join(map(named, value)) or '(none)'}" if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def listed(values: Iterable[Any]) -> str:
    """Values one after another, each once."""
    return ", ".join(dict.fromkeys(map(repr, values)))


def _mistake(
    error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]], schema: Rule, content: Any
) -> tuple[Place, str]:
    """Where a mistake is, and what it is."""
    kind, steps = error["type"], error["loc"]
    if kind in UNKNOWN or (kind == MISSING and isinstance(steps[-1], str)):
        place, rule, _ = _find(steps[:-1], schema, content)
        kinds = UNKNOWN if kind in UNKNOWN else (MISSING,)
        same = [other["loc"][-1] for other in errors if other["loc"][:-1] == steps[:-1] and other["type"] in kinds]
        known = f"; known keys: {', '.join(rule.get('properties', ()))}"
        return (
            place,
            f"missing key {listed(same)}" if kind == MISSING else f"unknown key {listed(sorted(same, key=str))}{known}",
        )
    if steps and steps[-1] == "[key]":
        place, rule, _ = _find(steps[:-2], schema, content)
        expected = next((f"one that matches {pattern}" for pattern in rule.get("patternProperties", ())), "text")
        return place, f"found the name {shown(steps[-2])}, expected {expected}"
    place, rule, value = _find(steps[:-1] if kind == MISSING else steps, schema, content)
    if kind == "value_error":
        key, _, said = str(error["ctx"]["error"]).partition(": ")
        inside = key in rule.get("properties", ())
        return ((*place, key), said) if inside else (place, str(error["ctx"]["error"]))
    number = any(choice.get("type") in ("number", "integer") for choice in rule.get("anyOf", [rule]))
    hint = HINT if number and isinstance(value, str) and EXPONENT.fullmatch(value) else ""
    return place, f"found {shown(value)}, expected {_expected(rule, value)}{hint}"


def _find(steps: Place, rule: Rule, value: Any) -> tuple[Place, Rule, Any]:
    """The place that `steps` lead to, its rule and its value; where one of several rules may hold, not further."""
    for number, step in enumerate(steps):
        if "anyOf" in rule or "oneOf" in rule:
            return steps[:number], rule, value
        others = next(iter(rule.get("patternProperties", {}).values()), rule.get("additionalProperties"))
        keys = {**rule.get("properties", {}), **dict(enumerate(rule.get("prefixItems", ())))}
        rule = keys.get(step, rule.get("items", others)) or {}
        try:
            value = value[step]
        except (LookupError, TypeError):
            value = None
    return steps, rule, value


def _inlined(rule: Any, parts: Rule) -> Any:
    """A rule with those that it refers to in their places; of a rule or nothing, the rule."""
    if isinstance(rule, list):
        return [_inlined(inner, parts) for inner in rule]
    if not isinstance(rule, Mapping):
        return rule
    if "$ref" in rule:
        return _inlined(parts[rule["$ref"].rsplit("/", 1)[1]], parts)
    choices = [choice for choice in rule.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return _inlined(choices[0], parts)
    return {key: _inlined(choices if key == "anyOf" else inner, parts) for key, inner in rule.items() if key != "$defs"}


def _expected(rule: Rule, value: Any) -> str:
    """A rule in words."""
    if choices := rule.get("anyOf", rule.get("oneOf")):
        return ", or ".join(_expected(choice, value) for choice in choices)
    if "const" in rule or "enum" in rule:
        return f"one of {listed(rule['enum'])}" if "enum" in rule else repr(rule["const"])
    kind = KINDS.get(rule.get("type", "array"), "another value")
    if rule.get("minItems") == rule.get("maxItems", -1):
        return f"{kind} of {rule['minItems']} values"
    words = [text.format(rule[key]) for key, text in LIMITS.items() if key in rule and not _of_type(rule[key])]
    fits = f" that fits into {32 if rule.get('type') == 'number' else 64} bits" if _of_type(value) else ""
    return f"{kind} {' and '.join(words)}".rstrip() + fits


def _of_type(limit: Any) -> bool:
    return isinstance(limit, int | float) and not abs(limit) <= BITS
