"""YAML files that hold a mapping."""

from pathlib import Path
from typing import Any

import yaml

from p2w.config.mistakes import shown

FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast where the C library is there


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML file that holds a mapping, or nothing; ValueError names file, line and what is wrong."""
    try:
        content = _parsed(Path(path).read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{path}{place}: not valid YAML ({error.problem or error.context})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict | None):
        raise ValueError(f"{path}: found {shown(content)}, expected a mapping")
    return content or {}


def _parsed(text: str) -> Any:
    try:
        return yaml.load(text, FAST)
    except yaml.YAMLError:
        return yaml.safe_load(text)  # fails, too, and says better why
