"""AdamW in the forms that differ in memory: the library's own, fused, and with 8-bit state."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from p2w.config.decoder import OptimizerName


def build_optimizer(
    name: OptimizerName, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> Optimizer:
    """AdamW over float32 parameters.

    `adamw_fused` is one kernel per parameter, without the temporary copies of `adamw`. `adamw_8bit` keeps both moments
    in 8 bits with a scale per 256 values (Dettmers et al., arXiv 2110.02861), as torchao has it; the published code
    uses an 8-bit AdamW too.
    """
    if name == "adamw_8bit":
        from torchao.optim import AdamW8bit

        return AdamW8bit(parameters, lr=learning_rate, weight_decay=weight_decay)
    fused = True if name == "adamw_fused" else None
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=fused)


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """The rate of the next step; torchao keeps it as a tensor and refuses a number."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(learning_rate)
        else:
            group["lr"] = learning_rate


def update(optimizer: Optimizer, device: torch.device | str) -> None:
    """One step. torchao compiles its update, on a GPU only: without that, its temporaries would not fit there.

    On a CPU every shape of parameter would take half a minute of compiling, and a compiler.
    """
    if type(optimizer).__module__.startswith("torchao") and torch.device(device).type == "cpu":
        with torch.compiler.set_stance("force_eager"):
            optimizer.step()
    else:
        optimizer.step()


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Everything that an optimizer remembers, by number of the parameter: its own tensors, no copies.

    An 8-bit moment is several tensors.
    """
    named = {}
    for number, parameter in enumerate(_parameters(optimizer)):
        for key, value in sorted(optimizer.state[parameter].items()):
            inner = value.__tensor_flatten__()[0] if hasattr(value, "__tensor_flatten__") else []
            parts = {f"{key}.{part}": getattr(value, part) for part in inner} or {key: value}
            named |= {f"{number}.{name}": part for name, part in parts.items()}
    return named


@torch.no_grad()
def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], device: torch.device | str) -> None:
    """Make a new optimizer remember what another of its kind did; inverse of `optimizer_tensors`."""
    # Only a step makes the tensors. At rate 0 and without gradients it leaves the parameters as they are.
    set_learning_rate(optimizer, 0.0)
    for parameter in _parameters(optimizer):
        parameter.grad = torch.zeros_like(parameter)
    update(optimizer, device)
    optimizer.zero_grad(set_to_none=True)
    for name, tensor in optimizer_tensors(optimizer).items():
        tensor.copy_(tensors[name])


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@contextmanager
def convolution_precision(tf32: bool) -> Iterator[None]:
    """Whether a GPU may compute float32 convolutions in TF32, inside the block."""
    before = torch.backends.cudnn.conv.fp32_precision
    torch.backends.cudnn.conv.fp32_precision = "tf32" if tf32 else "ieee"
    try:
        yield
    finally:
        torch.backends.cudnn.conv.fp32_precision = before
