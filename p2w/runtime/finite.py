"""Numbers that are no numbers stop a training at once, and the message says where they are."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def check_gradients(where: str, loss: float, norm: float, gradients: Mapping[str, Tensor]) -> None:
    """FloatingPointError unless loss and gradient norm are finite; names the first gradient that is not."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        bad = first_not_finite(gradients)
        what = "all gradients are finite" if bad is None else f"the gradient of {bad} is not finite"
        raise FloatingPointError(
            f"{where}: found loss {loss} and gradient norm {norm}, expected finite numbers; {what}; "
            "a lower learning_rate may help"
        )


def check_weights(where: str, weights: Mapping[str, Tensor]) -> None:
    """FloatingPointError that names the first tensor with a value that is not finite."""
    if (bad := first_not_finite(weights)) is not None:
        raise FloatingPointError(f"{where}: found {bad} not finite after the update; a lower learning_rate may help")


def check_finite(where: object, tensors: Mapping[str, Tensor]) -> None:
    """ValueError that names the first tensor read from `where` with a value that is not finite."""
    for name, tensor in tensors.items():
        if bad := int((~tensor.isfinite()).sum()):
            raise ValueError(f"{where}: {name}: found {bad} values that are not finite, expected none")


@torch.no_grad()
def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Name of the first tensor with a NaN or an infinity, if any; one look at the device for all of them."""
    largest = torch.stack([value.float() for value in torch._foreach_norm(list(tensors.values()), math.inf)])
    bad = (~largest.isfinite()).nonzero()
    return list(tensors)[int(bad[0])] if len(bad) else None
