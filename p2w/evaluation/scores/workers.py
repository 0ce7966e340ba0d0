"""Work that other processes do, on all processors that this one may use."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

In, Out = TypeVar("In"), TypeVar("Out")


def workers() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(function: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
    """`function` of each item, in order, several at a time; the first error is raised."""
    with ThreadPoolExecutor(workers()) as pool:
        return list(pool.map(function, items))
