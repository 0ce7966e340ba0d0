"""The adapters that visitors made: of each the last few, as many as fit in memory."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from p2w.using.adapter import Adapter

KEPT = 12  # adapters of a visitor
MOST = 96  # of all together, about 5 MB each where the base model has 135 million parameters


@dataclass(frozen=True)
class Made:
    """An adapter, the seconds that it took, and a zip with it, as PEFT reads it when it is unpacked."""

    adapter: Adapter
    seconds: float
    packed: Path


@dataclass
class History:
    """Adapters by number, the oldest first, and how many were made in all."""

    made: dict[int, Made] = field(default_factory=dict)
    count: int = 0


class Histories:
    """History by visitor, who is known by a name that nobody can guess. A visitor's oldest adapters are forgotten, and
    those of visitors who were seen longest ago."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, History] = OrderedDict()
        self._lock = Lock()

    def known(self, visitor: object) -> str:
        """The name of a visitor who comes again, or a new one."""
        return visitor if isinstance(visitor, str) and visitor in self._found else secrets.token_urlsafe(16)

    def of(self, visitor: str) -> dict[int, Made]:
        """What a visitor made, by number; empty for somebody new."""
        with self._lock:
            return dict(self._found.get(visitor, History()).made)

    def add(self, visitor: str, made: Made) -> int:
        """Its number among the visitor's, counted from 1."""
        with self._lock:
            history = self._found.setdefault(visitor, History())
            self._found.move_to_end(visitor)
            history.count += 1
            history.made[history.count] = made
            while len(history.made) > KEPT:
                del history.made[min(history.made)]
            while sum(len(other.made) for other in self._found.values()) > MOST:
                self._found.popitem(last=False)
            return history.count
