"""What all commands share: configuration by value, and errors as one readable line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from p2w.config import parse

T = TypeVar("T")


def run(main: Callable[[Sequence[str] | None], None]) -> None:
    """Run a command and exit: 0, or 1 with one line on stderr for an expected error; P2W_DEBUG shows the traceback."""
    try:
        main(None)
    except (ValueError, OSError, ArithmeticError) as error:
        if os.environ.get("P2W_DEBUG"):
            raise
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


def json_config(cls: type[T]) -> Callable[[str], T]:
    """Type of an argument whose text is a JSON object with the fields of dataclass `cls`."""

    def convert(text: str) -> T:
        try:
            return parse(cls, json.loads(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert
