"""Another attempt after a failure that may pass."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

T = TypeVar("T")

ATTEMPTS = 5
FIRST_WAIT = 1.0  # seconds; doubles with every attempt
LONGEST_WAIT = 300.0  # seconds; a server may ask for more than is sensible
PATIENCE = 60.0  # seconds after which a failure is final, unless the server asked to wait


class Wait(NamedTuple):
    """Whether an error may pass, the least number of seconds to wait for that, and after how many attempts to stop."""

    may_pass: bool
    seconds: float = 0.0
    attempts: int | None = None  # None: as many as any other error gets


def retry(
    call: Callable[[], T],
    failures: tuple[type[BaseException], ...],
    judge: Callable[[BaseException], Wait],
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] | None = None,
    rng: random.Random | None = None,
) -> T:
    """Result of `call`, tried up to `attempts` times while `judge` says that its failure may pass.

    Waits double from `FIRST_WAIT`, each multiplied by 1 to 1.5 at random so that parallel jobs do not return together.
    """
    rng, started = rng or random.Random(), time.monotonic()
    for attempt in range(attempts):
        try:
            return call()
        except failures as error:
            wait = judge(error)
            most = min(attempts, wait.attempts or attempts)
            impatient = not wait.seconds and time.monotonic() - started > PATIENCE
            if not wait.may_pass or impatient or attempt + 1 >= most:
                raise
            (sleep or time.sleep)(min(LONGEST_WAIT, max(wait.seconds, FIRST_WAIT * 2**attempt * rng.uniform(1, 1.5))))
    raise ValueError(f"attempts: found {attempts}, expected at least 1")
