"""When memory runs out: the same work in smaller pieces."""

from collections.abc import Callable
from typing import TypeVar

import torch

from p2w.resume import say

T = TypeVar("T")


def in_pieces_that_fit(size: int, compute: Callable[[int], T], what: str) -> tuple[T, int]:
    """`compute(size)`, or with half the size as often as memory runs out; the result and the size that fitted.

    Args:
        compute: starts from the same state at every call; its result depends on the size by rounding only.
        what: the work, for messages.

    Raises:
        ValueError: memory runs out with 1 at once too.
    """
    while True:
        try:
            return compute(size), size
        except torch.OutOfMemoryError as error:
            reason = " ".join(str(error).split())
        # Past the handler, where nothing holds on to the tensors of the failed attempt.
        torch.cuda.empty_cache()
        size = smaller(size, what, reason)


def smaller(size: int, what: str, reason: str) -> int:
    """Half of a size, with a line that says so; ValueError when it is 1."""
    if size == 1:
        raise ValueError(
            f"{what}: memory ran out with 1 at once, expected room for it; use a device with more ({reason})"
        )
    say(f"{what}: memory ran out with {size} at once, trying again with {size // 2}")
    return size // 2
