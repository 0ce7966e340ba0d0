"""What a command frees is there for the next step, without the system."""

import os
import subprocess
import sys

import pytest

from p2w.runtime import heap

# Pages that the system had to bring while as much as before was taken again, of 2,048 in the blocks.
STEPS = """
import resource
{first}
def step():
    blocks = [b"x" * 2**20 for _ in range(8)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
COMMAND = "import p2w.runtime.cli"


def pages(first: str, **environment: str) -> int:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", STEPS.format(first=first)]
    done = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_what_a_step_frees_is_there_for_the_next() -> None:
    assert pages("") > 10 * 1024
    assert pages(COMMAND) < 100


def test_the_environment_decides_where_it_says_something() -> None:
    assert pages(COMMAND, MALLOC_TRIM_THRESHOLD_="131072") > 10 * 1024


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.sys, "platform", "win32")
    monkeypatch.setattr(heap.ctypes, "CDLL", None)  # it has no library of this name
    heap.keep_freed_memory()
