"""Memory that a step frees stays with the process for the next step."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
MOST = 2**31 - 1  # bytes; it takes an int
OWN = ("MALLOC_", "GLIBC_TUNABLES")  # environment variables with which somebody else decides


def keep_freed_memory() -> None:
    """Have glibc keep what is freed; nothing happens with another C library, or where the environment says otherwise.

    By itself it gives large blocks back to the system at once and is given them anew, page after page, in every step:
    on two cores a sixth of an evaluation and of a decoder's training, and much less on one. The peak of an evaluation
    grew from 595 to 630 MB, for what comes next takes the place of what was there.
    """
    if sys.platform != "linux" or any(name.startswith(OWN) for name in os.environ):
        return
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, MOST)
        mallopt(M_TRIM_THRESHOLD, MOST)
