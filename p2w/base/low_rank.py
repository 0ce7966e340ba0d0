"""The low-rank term of LoRA, y + (x A') B for K adapters on their own blocks of rows, with its gradient written out.

What autograd derives from two products and a sum keeps and reads the whole output once more for each of them, and asks
for the gradient of B as (out, rank), which takes a CPU's library seven times as long as (rank, out). Fine-tuning the
pocket base model takes four fifths of the time with these lines (benchmarks/finetune.py).
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def add_low_rank(output: Tensor, x: Tensor, lora_a: Tensor, lora_b: Tensor) -> Tensor:
    """`output` (rows, …, out) with the low-rank term of `x` (rows, …, in) added in place.

    The rows are K equal blocks, one for each adapter of `lora_a` (K, rank, in) and `lora_b` (K, rank, out), the latter
    with the scale in it; all have one dtype. Raises ValueError: rows that are no K blocks.
    """
    if x.shape[0] % len(lora_a):
        raise ValueError(f"found a batch of {x.shape[0]} rows, expected a multiple of the {len(lora_a)} adapters")
    return _AddLowRank.apply(output, x, lora_a, lora_b)


class _AddLowRank(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, output: Tensor, x: Tensor, lora_a: Tensor, lora_b: Tensor) -> Tensor:
        K = len(lora_a)
        rows = x.reshape(K, -1, x.shape[-1])
        # A lies as (rank, in): on a CPU the product with a contiguous (in, rank) takes four times as long.
        low = torch.bmm(rows, lora_a.mT)
        # In place: the output is the module's own, and a copy would cost as much as the product.
        output.view(K, -1, output.shape[-1]).baddbmm_(low, lora_b)
        ctx.mark_dirty(output)
        ctx.save_for_backward(rows, lora_a, lora_b, low)
        ctx.x_shape = x.shape
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, lora_a, lora_b, low = ctx.saved_tensors
        of_output = grad.reshape(len(lora_a), -1, grad.shape[-1])
        of_low = torch.bmm(of_output, lora_b.mT)
        of_x = torch.bmm(of_low, lora_a).view(ctx.x_shape) if ctx.needs_input_grad[1] else None
        return grad, of_x, torch.bmm(of_low.mT, rows), torch.bmm(low.mT, of_output)
