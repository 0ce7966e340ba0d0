"""Several processes that train one model together, one per GPU: torchrun starts them, this module joins them."""

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Processes:
    """Which one of how many processes this is; `rank` 0 is the one that reports and writes."""

    rank: int = 0
    count: int = 1

    def share(self, total: int) -> range:
        """This process's part of `total` items, a run of them; ValueError when a process would have none."""
        if total < self.count:
            raise ValueError(f"found {self.count} processes, expected at most one for each of {total} items")
        return range(total * self.rank // self.count, total * (self.rank + 1) // self.count)

    def sum(self, tensors: Iterable[Tensor]) -> None:
        """Replace every tensor by its sum over all processes, which is the same number in each of them."""
        if self.count > 1:
            for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
                work.wait()

    def any(self, holds: bool) -> bool:
        """Whether it holds in one of the processes."""
        if self.count == 1:
            return holds
        flag = torch.tensor(float(holds), device="cuda" if dist.get_backend() == "nccl" else "cpu")
        self.sum([flag])
        return bool(flag > 0)


ALONE = Processes()


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """The processes that torchrun started together with this one, or the lone process; and `device`, its own.

    An error leaves the group as it is: the others may wait for this process, and torchrun ends them.
    """
    if not dist.is_torchelastic_launched():
        yield ALONE, device
        return
    # Its functions have the group of the moment of import as a default argument. Imported later (torch.optim does so),
    # they would keep the group's threads beyond the interpreter's end, where freeing a gradient aborts the process.
    importlib.import_module("torch.distributed.nn")
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device)
    else:
        dist.init_process_group("gloo")
    yield Processes(dist.get_rank(), dist.get_world_size()), device
    dist.destroy_process_group()
