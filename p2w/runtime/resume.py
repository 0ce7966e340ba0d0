"""Saved state in the middle of a stage: what an interrupted job goes on from when its command is run again.

One file outside the declared outputs. It holds tensors and JSON values, and a guard: everything that determines the
result. State with another guard, or one that is damaged, is passed over with one line.
"""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from p2w.runtime.processes import ALONE, Processes
from p2w.runtime.progress import say
from p2w.runtime.tensor_files import read_tensors, write_tensors

State = tuple[dict[str, Tensor], dict[str, Any]]  # tensors by name, and JSON values

INTERVAL = "P2W_SAVE_SECONDS"  # environment variable: at least so many seconds between two times of saving
SECONDS = 60.0
SHARE = 0.05  # of the time, spent on saving at most
STOP = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)  # what a scheduler sends ahead of the end, and Ctrl-C
VALUES = "values"  # name of the tensor whose bytes are the JSON values: a header would limit their size


class SavedState:
    """What a job saves of itself between two steps; a context for its steps and the writing of its outputs.

    Inside the context SIGTERM, SIGUSR1 and SIGINT no longer end the process: at the end of the step the state is saved
    and the process exits; a second SIGINT ends it at once. A context that ends well removes the file, one that ends by
    an error leaves it.

    Args:
        path: the file; None saves nothing and leaves signals alone.
        guard: JSON values, all that determines the result.
        processes: those that work together; all of them load, the first one saves, and they stop at the same step.
    """

    def __init__(self, path: Path | None, guard: Mapping[str, Any], processes: Processes = ALONE) -> None:
        self.path, self.guard, self.processes = path, json.loads(json.dumps(guard)), processes
        self._stop: int | None = None
        self._interval = self._due = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "SavedState":
        self._interval = _interval()
        self._due = time.monotonic() + self._interval
        if self.path is not None and threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in STOP}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:
            self._remove()

    def load(self) -> State | None:
        """The state that a run with the same guard left behind, if any."""
        found = self._read()
        # Those that work together start at the same step, or all from the beginning.
        return None if self.processes.any(found is None) else found

    def offer(self, state: Callable[[], State]) -> None:
        """After every step: save `state()` when its time has come; when the job is to stop, save it and exit."""
        if self.path is None:
            return
        stop = self.processes.any(self._stop is not None)
        if stop or time.monotonic() >= self._due:
            self._save(state)
        if stop:
            self.processes.any(False)  # the end of one may be the end of all, so they wait for the one that saves
            self._exit()

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if number == self._stop == signal.SIGINT:
            raise KeyboardInterrupt
        self._stop = number

    def _exit(self) -> None:
        number = self._stop or signal.SIGTERM
        self._say(f"stopped by {signal.Signals(number).name}: the same command goes on from the last saved state")
        raise SystemExit(128 + number)

    def _say(self, line: str) -> None:
        if self.processes.rank == 0:
            say(line)

    def _read(self) -> State | None:
        if self.path is None or not self.path.is_file():
            return None
        try:
            tensors, header = read_tensors(self.path)
            intact = header["sha256"] == _digest(tensors)
        except (ValueError, KeyError, OSError):
            intact = False
        if not intact:
            return self._passed_over("is damaged")
        other = sorted(name for name in {*self.guard, *header["guard"]} if self._differs(header["guard"], name))
        if other:
            return self._passed_over(f"has another {', '.join(other)}")
        values = json.loads(tensors.pop(VALUES).numpy().tobytes())
        self._say(f"{self.path}: going on from saved state")
        return tensors, values

    def _passed_over(self, why: str) -> None:
        self._say(f"{self.path}: saved state {why}, starting over")

    def _differs(self, found: Mapping[str, Any], name: str) -> bool:
        return name not in found or name not in self.guard or found[name] != self.guard[name]

    def _save(self, state: Callable[[], State]) -> None:
        start = time.monotonic()
        if self.path is not None and self.processes.rank == 0:
            tensors, values = state()
            whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            whole[VALUES] = torch.frombuffer(bytearray(json.dumps(values, allow_nan=False).encode()), dtype=torch.uint8)
            try:
                write_tensors(self.path, whole, {"guard": self.guard, "sha256": _digest(whole)})
            except (OSError, SafetensorError) as error:  # the work itself needs no saved state
                self._say(f"{self.path}: state is not saved ({error})")
        end = time.monotonic()
        self._due = end + max(self._interval, (end - start) / SHARE) if self._interval else end

    def _remove(self) -> None:
        """Also what was left of writes that were killed."""
        if self.path is not None and self.path.parent.is_dir() and self.processes.rank == 0:
            for file in (self.path, *self.path.parent.glob(f".{self.path.name}.*.part")):
                file.unlink(missing_ok=True)


UNSAVED = SavedState(None, {})


def join_parts(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors of several parts of a state under one name each."""
    return {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def split_parts(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Inverse of `join_parts`."""
    parts: dict[str, dict[str, Tensor]] = {}
    for whole, tensor in tensors.items():
        part, _, name = whole.partition("/")
        parts.setdefault(part, {})[name] = tensor
    return parts


def _interval() -> float:
    text = os.environ.get(INTERVAL, str(SECONDS))
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{INTERVAL}: found {text!r}, expected a number of seconds") from None


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
