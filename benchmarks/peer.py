"""What a comparison with another library consists of."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Peer(NamedTuple):
    """Ways to do the same by name; claims as (text, (ours, theirs), target, things done); what compares the results."""

    ways: Mapping[str, Callable[[], Any]]
    claims: list[tuple[str, tuple[str, str], float, int]]
    compare: Callable[[Mapping[str, Any]], dict[str, Any]]
    warm_up: bool = True
