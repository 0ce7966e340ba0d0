"""Where to compute."""

import fcntl
import os
import re
import tempfile
from functools import cache
from pathlib import Path

import torch

from p2w.runtime.progress import say

CHOICE = "P2W_DEVICE"  # environment variable: cpu where the CPU is meant although there is a GPU
DRIVER = Path("/proc/driver/nvidia/version")


def best_device() -> torch.device:
    """A CUDA device that no other job of this user computes on, or the CPU, on which denormals are zero from now on.

    Sharp attention leaves gradients below the smallest normal float, with which a CPU is several times slower. Raises
    ValueError: this job was given a GPU that torch cannot use; names the driver. Or an unknown P2W_DEVICE.
    """
    chosen = os.environ.get(CHOICE, "")
    if chosen not in ("", "cpu"):
        raise ValueError(f"{CHOICE}: found {chosen!r}, expected 'cpu' or nothing")
    if not chosen and torch.cuda.is_available():
        index = _claim_gpu()[0]
        say(f"device: GPU {index}, {torch.cuda.get_device_properties(index).name}, {_driver()}")
        return torch.device("cuda", index)
    if not chosen and (given := _given()):
        raise ValueError(
            f"device: found {given}, but torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use it with"
            f" {_driver()}; expected a driver for that CUDA. Update it, install a torch for it, or set {CHOICE}=cpu"
        )
    torch.set_flush_denormal(True)
    say(f"device: CPU, {torch.get_num_threads()} threads")
    return torch.device("cpu")


def _given() -> str | None:
    """What says that this job may use a GPU."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return f"an NVIDIA GPU ({DRIVER})" if DRIVER.exists() else None
    return None if visible.strip() in ("", "-1", "NoDevFiles") else f"CUDA_VISIBLE_DEVICES={visible}"


def _driver() -> str:
    """The driver that is loaded, in a few words."""
    found = re.search(r"Kernel Module\D*([0-9.]+)", DRIVER.read_text()) if DRIVER.exists() else None
    return f"driver {found[1]}" if found else "no NVIDIA driver loaded"


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
