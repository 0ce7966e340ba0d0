"""The last layer's feed-forward network, computed where its output is read.

Losses and answers come from few positions, those before the tokens of an answer. In the other layers attention looks at
all positions; what the last layer's network gives for one is read there and nowhere else. It is a fifth of the
operations of the pocket base model, which has four layers, and one in thirty of Qwen2.5-0.5B's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

# Of hidden states (N, L, hidden), an index of the first two dimensions that gives as many of each row, none twice.
Positions = tuple[slice | Tensor, slice | Tensor]
NOWHERE: Positions = (slice(None), slice(0))


def last_positions(count: int) -> Tensor:
    """The last `count` of a sequence, as a model's `logits_to_keep`: their hidden states are copied to one piece.

    Given a number, a model takes a slice of each row, and where rows lie apart torch multiplies each with a copy of the
    output layer's weights of its own: half of an evaluation's time on a CPU.
    """
    return torch.arange(-count, 0)


def window(wanted: Tensor) -> Positions:
    """The fewest neighbours in each row, as many of each, among which are all that `wanted` (N, L) says."""
    N, L = wanted.shape
    first, last = wanted.int().argmax(1), L - 1 - wanted.flip(1).int().argmax(1)
    width = int((last - first).max()) + 1
    rows, columns = (torch.arange(count, device=wanted.device) for count in (N, width))
    return rows.unsqueeze(1), first.clamp(max=L - width).unsqueeze(1) + columns


@contextmanager
def last_network_at(model: PreTrainedModel, read: Positions | None) -> Iterator[None]:
    """In this block the last layer's feed-forward network is computed where it is `read`, and gives 0 elsewhere.

    So the last hidden states are right there only. Everything is computed for None, in a model whose last layer has no
    network in the manner of Llama's, and in one whose layers are computed once more for their gradients.
    """
    network = None if read is None else _last_network(model)
    if network is None:
        yield
        return
    shapes: list[torch.Size] = []

    def take(_module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        shapes.append(inputs[0].shape)
        return inputs[0][read].contiguous()  # see `last_positions`

    def put_back(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        whole = output.new_zeros(shapes.pop())
        whole[read] = output
        return whole

    handles = [network.register_forward_pre_hook(take), network.register_forward_hook(put_back)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _last_network(model: PreTrainedModel) -> nn.Module | None:
    layers = getattr(getattr(model, "base_model", model), "layers", None)
    if not layers or getattr(layers[-1], "gradient_checkpointing", False):
        return None
    network = getattr(layers[-1], "mlp", None)
    # A mixture of experts has none of its own, and may give more than one tensor.
    return network if hasattr(network, "down_proj") else None
