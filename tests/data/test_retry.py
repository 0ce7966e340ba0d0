"""Another attempt is made while it may help, after waits that grow and differ."""

import random
import time
from collections.abc import Callable

import pytest

from p2w.data.hub.retry import LONGEST_WAIT, PATIENCE, Wait, retry


def failing(times: int, error: Exception) -> Callable[[], str]:
    """A call that fails so many times and then succeeds."""
    remaining = [error] * times

    def call() -> str:
        if remaining:
            raise remaining.pop()
        return "done"

    return call


def waits(times: int, wait: Wait, seed: int = 0) -> list[float]:
    naps: list[float] = []
    call = failing(times, OSError("x"))
    assert retry(call, (OSError,), lambda error: wait, 6, naps.append, random.Random(seed)) == "done"  # noqa: ARG005
    return naps


def test_waits_double_with_jitter() -> None:
    naps = waits(5, Wait(True))
    for nap, least in zip(naps, (1, 2, 4, 8, 16), strict=True):
        assert least <= nap <= 1.5 * least
    assert waits(5, Wait(True)) == naps
    assert waits(5, Wait(True), seed=1) != naps


def test_waits_as_long_as_asked_within_reason() -> None:
    assert waits(2, Wait(True, 60.0)) == [60.0, 60.0]
    assert waits(1, Wait(True, 1e9)) == [LONGEST_WAIT]


@pytest.mark.parametrize(("asked", "attempts"), [(0.0, 3), (7.0, 6)])
def test_patience_ends_unless_the_server_asks_for_it(monkeypatch, asked: float, attempts: int) -> None:
    """Attempts that take long are fewer."""
    clock, naps = [0.0], []

    def slow() -> None:
        clock[0] += PATIENCE / 2.5
        raise OSError("x")

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with pytest.raises(OSError, match="x"):
        retry(slow, (OSError,), lambda error: Wait(True, asked), 6, naps.append)  # noqa: ARG005
    assert len(naps) == attempts - 1


def test_success_needs_no_wait() -> None:
    assert waits(0, Wait(True)) == []


@pytest.mark.parametrize(
    ("failures", "wait", "attempts"),
    [(6, Wait(True), 6), (1, Wait(False), 1), (9, Wait(True, attempts=3), 3)],
    ids=["lasting", "final", "of a kind that gets fewer attempts"],
)
def test_the_last_failure_is_raised(failures: int, wait: Wait, attempts: int) -> None:
    naps: list[float] = []
    with pytest.raises(OSError, match="x"):
        retry(failing(failures, OSError("x")), (OSError,), lambda error: wait, 6, naps.append)  # noqa: ARG005
    assert len(naps) == attempts - 1


def test_other_errors_pass_through() -> None:
    with pytest.raises(KeyError):
        retry(failing(1, KeyError("x")), (OSError,), lambda error: Wait(True))  # noqa: ARG005
    with pytest.raises(ValueError, match="attempts: found 0, expected at least 1"):
        retry(lambda: 1, (OSError,), lambda error: Wait(True), attempts=0)  # noqa: ARG005
