"""Programs that nobody has read, each run apart: docs/evaluation.md says what that guarantees and what not."""

import functools
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from p2w.evaluation.scores import confined

CONFINED = Path(confined.__file__)
# What an interpreter needs, wherever it is; a path that is missing is not needed.
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache")
STARTING = 60  # seconds, on a busy machine


@dataclass(frozen=True)
class Limits:
    """What a program may take. Bytes of memory are each process's; the others are counted over all of them, except
    `cpu_seconds` and `files`."""

    seconds: float = 10
    cpu_seconds: int = 5
    memory: int = 512 * 2**20
    processes: int = 8
    disk: int = 16 * 2**20
    files: int = 32


class Outcome(NamedTuple):
    """How far a program came: it compiled; its tests came to their end without an error."""

    compiled: bool
    passed: bool


def run_program(program: str, tests: str, limits: Limits = Limits()) -> Outcome:
    """Run `program`, then `tests` in its name space; RuntimeError where that cannot be done apart from all else.

    Takes at most `limits.seconds` after the start; then nothing of it is left, no process and no file.
    """
    order = {"program": program, "tests": tests, "limits": asdict(limits), "paths": _paths(), "python": _python()}
    with subprocess.Popen(
        _command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            said, errors = process.communicate(json.dumps(order).encode(), timeout=STARTING + limits.seconds)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if not said.startswith(b"ready"):
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
        raise RuntimeError(f"code cannot be run apart from this machine's files and network: found {last[0]!r}, "
                           "expected Linux 5.12 or newer that allows user namespaces, or root")  # fmt: skip
    return Outcome(compiled=b"compiled" in said, passed=b"passed" in said)


@functools.cache
def check_sandbox() -> None:
    """RuntimeError unless a right program is found right here, and a wrong one wrong."""
    if sys.platform != "linux":
        raise RuntimeError(f"code is run on Linux only: found {sys.platform}")
    found = [run_program("x = 1", f"assert x == {value}") for value in (1, 2)]
    if found != [Outcome(True, True), Outcome(True, False)]:
        raise RuntimeError(f"code cannot be run here: found {found} for a right and a wrong program")


def _python() -> str:
    """The interpreter below any virtual environment: programs have the standard library and nothing else."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _command() -> list[str]:
    return [_python(), "-I", "-S", str(CONFINED)]


def _paths() -> list[str]:
    """All that programs may read."""
    paths = [path for path in dict.fromkeys([*SYSTEM, sys.base_prefix, sys.base_exec_prefix]) if os.path.exists(path)]
    return [path for path in paths if not any(Path(path).is_relative_to(other) for other in paths if other != path)]
