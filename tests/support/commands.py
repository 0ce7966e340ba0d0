"""Commands of the workflow that can be killed: each runs in a process forked from one that has imported everything."""

import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Not P2W itself: every process imports its modules anew, from where the tests find them.
PRELOADED = ["torch", "pandas", "pyarrow.parquet", "scipy.stats", "transformers", "peft", "sentence_transformers"]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(PRELOADED)


class Command:
    """`workflow/scripts/{script}.py` with arguments, saving its state after every step."""

    def __init__(self, script: str, *arguments: object) -> None:
        self.script, self.arguments = script, [str(argument) for argument in arguments]

    def start(self, log: Path, save_seconds: float = 0.0) -> multiprocessing.Process:
        """Start it in the current folder; what it prints is added to `log`."""
        process = SERVER.Process(target=_run, args=(self.script, self.arguments, log, save_seconds))
        process.start()
        return process

    def run(self, log: Path) -> float:
        """Run it to its end; seconds that it took."""
        start = time.monotonic()
        process = self.start(log)
        process.join()
        assert process.exitcode == 0, log.read_text(encoding="utf-8")
        return time.monotonic() - start


def kill(process: multiprocessing.Process, number: signal.Signals) -> bool:
    """Send a signal and wait for the end; whether it met a living process and that did not finish its work."""
    alive = process.is_alive()
    if alive:
        os.kill(process.pid, number)
    process.join()
    return alive and process.exitcode != 0


def _run(script: str, arguments: Sequence[str], log: Path, save_seconds: float) -> None:
    import torch

    file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(file, stream)
    torch.set_num_threads(1)
    os.environ["P2W_SAVE_SECONDS"] = str(save_seconds)
    path = f"workflow/scripts/{script}.py"
    sys.argv = [path, *arguments]
    runpy.run_path(path, run_name="__main__")
