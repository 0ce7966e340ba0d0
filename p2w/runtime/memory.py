"""When memory runs out: the same work in smaller pieces."""

from collections.abc import Callable
from typing import TypeVar

import torch

from p2w.runtime.progress import say

T = TypeVar("T")


class NoRoom(ValueError):
    """Memory runs out with the smallest piece too."""


def in_pieces_that_fit(size: int, compute: Callable[[int], T], what: str) -> tuple[T, int]:
    """`compute(size)`, or with half the size as often as memory runs out; the result and the size that fitted.

    `compute` starts from the same state at every call; `what` there are `size` of, for messages. Raises NoRoom: memory
    runs out with 1 too.
    """
    while True:
        try:
            return compute(size), size
        except (torch.OutOfMemoryError, NoRoom) as error:
            reason = " ".join(str(error).split())
        # Past the handler nothing holds on to the tensors of the failed attempt.
        torch.cuda.empty_cache()
        if size == 1:
            raise NoRoom(f"{what}: memory ran out with 1 at once, expected a device with room for it ({reason})")
        say(f"{what}: memory ran out with {size} at once, trying again with {size // 2}")
        size //= 2
