"""LoRA adapters at work on a base model, as forward hooks: y + (alpha / rank) B A x, the base untouched.

Several adapters work side by side: the batch is K blocks of rows, block k for adapter k, so that the base model's own
products are taken once over all rows and only the low-rank terms differ.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import dropout

from p2w.base.low_rank import add_low_rank

Adapter = tuple[Mapping[str, Tensor], float]  # tensors by name, and the factor of the low-rank term
Factors = Mapping[str, tuple[Tensor, Tensor]]  # by module lora_A (K, rank, in) and lora_B (K, out, rank)
Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


def scaling(adapter_config: Mapping[str, Any]) -> float:
    """alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (PEFT's `use_rslora`)."""
    rank = adapter_config["r"]
    return adapter_config["lora_alpha"] / (rank**0.5 if adapter_config.get("use_rslora") else rank)


class LoraStack:
    """K adapters of one model; smaller ranks, and modules that an adapter leaves alone, are filled with zeros.

    Each is given as `{module}.lora_A.weight` (rank, in) and `{module}.lora_B.weight` (out, rank), none for the base
    alone; and the factor of the low-rank term, see `scaling`. Raises ValueError: no adapter, a tensor without its
    partner, a module that the model does not have or that has another size.
    """

    def __init__(self, model: nn.Module, adapters: Sequence[Adapter]) -> None:
        if not adapters:
            raise ValueError("found 0 adapters, expected at least 1")
        self._count, self._left_out = len(adapters), 0.0
        given = [pairs(tensors) for tensors, _ in adapters]
        scales = [scale for _, scale in adapters]
        self._modules = {name: _module(model, name) for name in sorted(set().union(*given))}
        self._factors = {
            name: _stack(name, module.weight, [found.get(name) for found in given], scales)
            for name, module in self._modules.items()
        }

    @classmethod
    def of_factors(cls, model: nn.Module, factors: Factors, scale: float, left_out: float = 0.0) -> "LoraStack":
        """K adapters of one rank which gradients reach; the share `left_out` of their inputs is left out at random.

        Raises ValueError: no module, one that the model does not have or that has another size.
        """
        if not factors:
            raise ValueError("found factors of 0 modules, expected at least 1")
        stack = cls.__new__(cls)
        stack._left_out = left_out
        stack._modules = {name: _module(model, name) for name in factors}
        for name, (lora_a, lora_b) in factors.items():
            _check_size(name, (lora_b.shape[1], lora_a.shape[2]), stack._modules[name].weight)
        stack._count = next(iter(factors.values()))[0].shape[0]
        stack._factors = {
            name: (lora_a.to(weight), (lora_b.mT * scale).to(weight).contiguous())
            for name, (lora_a, lora_b) in factors.items()
            for weight in [stack._modules[name].weight]
        }
        return stack

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def active(self, chosen: Sequence[int] | None = None) -> Iterator[None]:
        """All adapters, or those at the positions `chosen`, each on its own block of a batch's rows."""
        handles = []
        try:
            for name, (lora_a, lora_b) in self._factors.items():
                if chosen is not None:
                    lora_a, lora_b = lora_a[list(chosen)], lora_b[list(chosen)]
                handles.append(self._modules[name].register_forward_hook(_hook(lora_a, lora_b, self._left_out)))
            yield
        finally:
            for handle in handles:
                handle.remove()


@contextmanager
def adapted(model: nn.Module, tensors: Mapping[str, Tensor], scale: float) -> Iterator[nn.Module]:
    """`model` with one adapter for the length of the block; arguments and errors as in `LoraStack`."""
    with LoraStack(model, [(tensors, scale)]).active():
        yield model


def _hook(lora_a: Tensor, lora_b: Tensor, left_out: float) -> Hook:
    """Adds (x A') B to the output of a module for x."""

    def add(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return add_low_rank(output, dropout(inputs[0], left_out) if left_out else inputs[0], lora_a, lora_b)

    return add


def _stack(
    name: str, weight: Tensor, matrices: Sequence[tuple[Tensor, Tensor] | None], scales: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """A (K, rank, in) and scaled B (K, rank, out) of one module, in the precision and place of its weight."""
    given = [pair for pair in matrices if pair is not None]
    rank = max(lora_a.shape[0] for lora_a, _ in given)
    size_out, size_in = given[0][1].shape[0], given[0][0].shape[1]
    all_a, all_b = weight.new_zeros(len(matrices), rank, size_in), weight.new_zeros(len(matrices), rank, size_out)
    for k, pair in enumerate(matrices):
        if pair is None:
            continue
        lora_a, lora_b = pair
        found = (lora_b.shape[0], lora_a.shape[1])
        _check_size(name, found, weight, (size_out, size_in))
        all_a[k, : lora_a.shape[0]] = lora_a.to(weight)
        all_b[k, : lora_b.shape[1]] = lora_b.T.to(weight) * scales[k]
    return all_a, all_b


def _check_size(name: str, found: tuple[int, int], weight: Tensor, first: tuple[int, int] | None = None) -> None:
    """ValueError unless (out, in) are a module's own, whichever way its weight lies, and those of the first adapter."""
    if sorted(found) != sorted(weight.shape) or found != (first or found):
        raise ValueError(f"adapter: {name}: found size {found}, expected {tuple(weight.shape)}")


def pairs(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """lora_A and lora_B of every module; ValueError: one lacks."""
    names = sorted({name.rsplit(".lora_", 1)[0] for name in tensors})
    found = {}
    for name in names:
        keys = (f"{name}.lora_A.weight", f"{name}.lora_B.weight")
        missing = [key for key in keys if key not in tensors]
        if missing:
            raise ValueError(f"adapter: missing tensor {missing[0]!r}")
        found[name] = (tensors[keys[0]], tensors[keys[1]])
    return found


def _module(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        raise ValueError(f"adapter: the base model has no module {name!r}; was it trained on another model?") from error
