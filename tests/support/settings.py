"""Settings with other values, as tests vary them."""

from typing import TypeVar

from p2w.config.settings import Settings, parse

S = TypeVar("S", bound=Settings)


def replace(settings: S, **changes: object) -> S:
    """`settings` with other values, checked as those of a file are."""
    return parse(type(settings), {**dict(settings), **changes})
