"""What every bad input has in common: one line that says what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest


def refused(read: Callable[[], object], start: str | Path, message: str) -> None:
    """`read` ends with a ValueError of one line that starts so and in which the message is found."""
    with pytest.raises(ValueError, match=message) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(start))


def each(cases: dict[str, tuple]) -> pytest.MarkDecorator:
    """A test of each case by its name: what is given, and the message."""
    return pytest.mark.parametrize(("given", "message"), cases.values(), ids=cases)
