"""Where to compute."""

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path

import torch


def best_device() -> torch.device:
    """A CUDA device that no other job of this user computes on, or the CPU, on which denormals are zero from now on.

    Sharp attention leaves gradients below the smallest normal float, with which a CPU is several times slower.
    """
    if torch.cuda.is_available():
        return torch.device("cuda", _claim_gpu()[0])
    torch.set_flush_denormal(True)
    return torch.device("cpu")


@cache
def _claim_gpu() -> tuple[int, int | None]:
    """Index of a visible GPU, and the descriptor of the lock file that keeps it for this process until it ends.

    Snakemake counts GPUs and hands none out, so jobs side by side on one machine agree by lock files. Where there are
    more jobs than GPUs, the others share.
    """
    count = torch.cuda.device_count()
    for index in range(count):
        name = f"p2w-{os.getuid()}-{torch.cuda.get_device_properties(index).uuid}.lock"
        lock = os.open(Path(tempfile.gettempdir(), name), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return index, lock
    return os.getpid() % count, None
