"""A LoRA adapter at work on a base model, as forward hooks: y + (alpha / rank) B A x, the base untouched."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import linear


def scaling(adapter_config: Mapping[str, Any]) -> float:
    """alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (PEFT's `use_rslora`)."""
    rank = adapter_config["r"]
    return adapter_config["lora_alpha"] / (rank**0.5 if adapter_config.get("use_rslora") else rank)


@contextmanager
def adapted(model: nn.Module, tensors: Mapping[str, Tensor], scale: float) -> Iterator[nn.Module]:
    """`model` with an adapter for the length of the block.

    Args:
        tensors: `{module}.lora_A.weight` (rank, in) and `{module}.lora_B.weight` (out, rank); empty for the base alone.
        scale: factor of the low-rank term, see `scaling`.

    Raises:
        ValueError: a tensor without its partner, or a module that the model does not have.
    """
    handles = []
    try:
        for name, (lora_a, lora_b) in _pairs(tensors).items():
            module = _module(model, name)
            like = module.weight
            hook = _hook(lora_a.to(like), lora_b.to(like) * scale)
            handles.append(module.register_forward_hook(hook))
        yield model
    finally:
        for handle in handles:
            handle.remove()


def _hook(lora_a: Tensor, lora_b: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def add_low_rank(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + linear(linear(inputs[0], lora_a), lora_b)

    return add_low_rank


def _pairs(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    names = sorted({name.rsplit(".lora_", 1)[0] for name in tensors})
    pairs = {}
    for name in names:
        keys = (f"{name}.lora_A.weight", f"{name}.lora_B.weight")
        missing = [key for key in keys if key not in tensors]
        if missing:
            raise ValueError(f"adapter: missing tensor {missing[0]!r}")
        pairs[name] = (tensors[keys[0]], tensors[keys[1]])
    return pairs


def _module(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError as error:
        raise ValueError(f"adapter: the base model has no module {name!r}; was it trained on another model?") from error
