"""Where adapters lie: exact inner products of their ΔW = scale·B·A, and the plane that shows most of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from p2w.adapters.peft_folder import read_adapter
from p2w.base.lora_stack import scaling


def inner_products(adapters: Sequence[tuple[Mapping[str, Tensor], float]]) -> Tensor:
    """Frobenius inner products of ΔW of all modules, (adapters, adapters) float64, without forming any ΔW.

    <B₁A₁, B₂A₂> = tr(A₁ᵀB₁ᵀB₂A₂) = tr((B₂ᵀB₁)(A₁A₂ᵀ)), and both factors are only rank x rank. An adapter is tensors by
    name (`….lora_A.weight` (rank, in), `….lora_B.weight` (out, rank)), and their scale. Raises ValueError: no adapter,
    or adapters with different tensors.
    """
    if not adapters:
        raise ValueError("inner products: found no adapter, expected at least one")
    first, scales = adapters[0][0], torch.tensor([scale for _, scale in adapters], dtype=torch.float64)
    for tensors, _ in adapters:
        if {name: tensor.shape for name, tensor in tensors.items()} != {n: t.shape for n, t in first.items()}:
            raise ValueError("inner products: found adapters with different names or shapes, expected the same layout")
    modules = sorted(name.removesuffix(".lora_A.weight") for name in first if name.endswith(".lora_A.weight"))
    total = sum(_of_module([tensors for tensors, _ in adapters], module) for module in modules)
    return total * scales[:, None] * scales[None, :]


def _of_module(adapters: Sequence[Mapping[str, Tensor]], module: str) -> Tensor:
    a = torch.stack([tensors[f"{module}.lora_A.weight"].double() for tensors in adapters])
    b = torch.stack([tensors[f"{module}.lora_B.weight"].double().T for tensors in adapters])
    N, R, _ = a.shape
    # (N·R, N·R), then per pair of adapters the sum of the products of their R x R blocks.
    products = (a.flatten(0, 1) @ a.flatten(0, 1).T) * (b.flatten(0, 1) @ b.flatten(0, 1).T)
    return products.reshape(N, R, N, R).sum((1, 3))


def principal_plane(products: Tensor, axes: int = 2) -> tuple[Tensor, Tensor]:
    """Coordinates (adapters, axes) of the centred points along their principal axes, and each axis's share of variance.

    From inner products alone (Gower 1966): the eigenvectors of the centred matrix, times the roots of its eigenvalues.
    The sign of an axis is chosen so that its largest coordinate is positive.
    """
    centred = products - products.mean(0) - products.mean(1, keepdim=True) + products.mean()
    values, vectors = torch.linalg.eigh(centred)
    values, vectors = values.flip(0).clamp(min=0)[:axes], vectors.flip(1)[:, :axes]
    coordinates = vectors * values.sqrt()
    largest = coordinates.abs().argmax(0, keepdim=True)
    signs = torch.where(coordinates.gather(0, largest) < 0, -1.0, 1.0).to(coordinates)
    total = centred.diagonal().sum()
    return coordinates * signs, values / total if total > 0 else torch.zeros_like(values)


def adapter_plane(folders: Sequence[Path]) -> tuple[Tensor, Tensor]:
    """`principal_plane` of adapters on disk."""
    loaded: list[tuple[dict[str, Tensor], dict[str, Any]]] = [read_adapter(folder) for folder in folders]
    return principal_plane(inner_products([(tensors, scaling(config)) for tensors, config in loaded]))
