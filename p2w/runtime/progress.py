"""How far a stage is: one line on stderr at fixed intervals, with rate and time left."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

Report = Callable[[int, int, str], None]


class Progress:
    """Counts towards `total` and says so at most every `interval` seconds, and once at the end."""

    def __init__(
        self,
        total: int,
        unit: str,
        interval: float = 10.0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        first: int = 0,
    ) -> None:
        self.total, self.unit, self.interval = total, unit, interval
        self.first = self.done = first  # what was done before, in no time that this process knows of
        self._stream, self._clock = stream or sys.stderr, clock
        self._start = self._last = clock()

    def advance(self, count: int = 1, note: str = "") -> None:
        """`count` more are done; `note` goes at the end of the line, if one is due."""
        self.update(self.done + count, note)

    def update(self, done: int, note: str = "") -> None:
        """`done` are done altogether."""
        self.done = done
        now = self._clock()
        if done >= self.total or now - self._last >= self.interval:
            self._last = now
            with suppress(BrokenPipeError):  # whoever reads it may be gone before the work is done
                self._stream.write(self.line(now - self._start, note) + "\n")
                self._stream.flush()

    def line(self, seconds: float, note: str = "") -> str:
        """Such as `12/32 steps, 4.1/s, 5 s left, loss 0.31`."""
        rate = (self.done - self.first) / seconds if seconds > 0 else float("inf")
        left = (self.total - self.done) / rate if rate > 0 else float("inf")
        ending = f"{_time(left)} left" if self.done < self.total else f"took {_time(seconds)}"
        return ", ".join(filter(None, (f"{self.done}/{self.total} {self.unit}", f"{rate:.3g}/s", ending, note)))


def say(line: str) -> None:
    """One line on stderr; nothing when whoever read it is gone."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def reporter(unit: str) -> Report:
    """A `report(done, total, note)` callback that prints through one `Progress`, made at the first call."""
    made: list[Progress] = []

    def report(done: int, total: int, note: str) -> None:
        if not made:
            made.append(Progress(total, unit, first=done))
        made[0].update(done, note)

    return report


def silent(_done: int, _total: int, _note: str) -> None:
    """A report callback that says nothing."""


def _time(seconds: float) -> str:
    if seconds == float("inf"):
        return "unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
