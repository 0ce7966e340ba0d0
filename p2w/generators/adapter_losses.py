"""What an adapter made for a task is judged by: its weights, the ΔW that they make, or what it does."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.generators.task_loss import factors

Loss = Callable[[Tensor, Mapping[str, Sequence[int]]], Tensor]  # adapters (Q, size) and rows by task -> ()


def weights_loss(targets: Mapping[str, Tensor]) -> Loss:
    """Squared distance to the task's own adapter (size,), in units of the adapters' mean one to their mean; rows do not
    matter."""
    scale = _spread(torch.stack([*targets.values()]))

    def loss(flat: Tensor, rows: Mapping[str, Sequence[int]]) -> Tensor:
        return (flat - _own(targets, rows)).square().sum(1).mean() / scale

    return loss


def delta_loss(layout: AdapterLayout, targets: Mapping[str, Tensor]) -> Loss:
    """The same of the product B A of every module, which A and B can make in many ways."""
    scale = _over_modules(layout, torch.stack([*targets.values()]), _spread)

    def loss(flat: Tensor, rows: Mapping[str, Sequence[int]]) -> Tensor:
        return _over_modules(layout, torch.stack([flat, _own(targets, rows)]).flatten(0, 1), _distance) / scale

    return loss


def _own(targets: Mapping[str, Tensor], rows: Mapping[str, Sequence[int]]) -> Tensor:
    return torch.stack([targets[task] for task in rows])


def _spread(found: Tensor) -> Tensor:
    """Mean squared distance to the mean of them."""
    return (found - found.mean(0)).square().flatten(1).sum(1).mean()


def _distance(found: Tensor) -> Tensor:
    """Mean squared distance between the first half and the second."""
    first, second = found.chunk(2)
    return (first - second).square().flatten(1).sum(1).mean()


def _over_modules(layout: AdapterLayout, flat: Tensor, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """Sum of a measure of the products (Q, out, in), one module in memory at a time."""
    return torch.stack([measure(lora_b @ lora_a) for lora_a, lora_b in factors(layout, flat).values()]).sum()
