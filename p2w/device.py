"""Where to compute."""

import torch


def best_device() -> torch.device:
    """CUDA when there is one, else the CPU, on which denormal numbers count as zero from now on.

    Sharp attention leaves gradients below the smallest normal float, with which a CPU is several times slower.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_flush_denormal(True)
    return torch.device("cpu")
