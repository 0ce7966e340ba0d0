"""What is said of an answer."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """Whether an answer is right, and whether it is an answer of the kind that was asked for; right ones are valid."""

    right: bool
    valid: bool


WRONG = Verdict(right=False, valid=False)
