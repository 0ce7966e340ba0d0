"""The hyper-convolutional decoder of Drag-and-Drop LLMs (arXiv 2506.16406, section 3.5). It knows shapes, not LoRA.

Written anew from the published behaviour (jerryliang24/Drag-and-Drop-LLMs, commit 60e2192); equal to it in value and
gradient, which tests/generators/test_hyperconv.py checks. Differences of the published code from the paper's Eq. 5 are
kept: the tanh of one branch, the convolution windows that slide along the channel axis too, and the residual.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.utils.checkpoint import checkpoint

Shape = tuple[int, int, int]  # (C, H, W): prompts become weight tokens, length becomes rows, dim becomes columns


def _conv(in_channels: int, out_channels: int, kernel_size: int, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding="same", bias=bias)


class HyperConv(nn.Module):
    """(B, C, H, W) -> (B, C, H', W'): both orders of a width and a height convolution, averaged with a bias.

    Each convolution takes one axis of the input as its channels and slides over the two others.
    """

    def __init__(self, in_size: tuple[int, int], out_size: tuple[int, int], kernel_size: int) -> None:
        super().__init__()
        (H, W), (out_H, out_W) = in_size, out_size
        self.norm = nn.LayerNorm((H, W))
        width, height = (W, out_W, kernel_size), (H, out_H, kernel_size)
        self.width_first = nn.ModuleDict({"width": _conv(*width), "height": _conv(*height)})
        self.height_first = nn.ModuleDict({"height": _conv(*height), "width": _conv(*width)})
        self.bias = nn.Parameter(torch.zeros(out_H, out_W))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        first = _over_height(self.width_first["height"], _over_width(self.width_first["width"], x))
        second = _over_width(self.height_first["width"], _over_height(self.height_first["height"], x))
        return (first + torch.tanh(second) + self.bias) / 3


def _over_width(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolve (B, C, H, W) with W as the channels and (H, C) as the plane: -> (B, C, H, W')."""
    return conv(x.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)


def _over_height(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolve (B, C, H, W) with H as the channels and (C, W) as the plane: -> (B, C, H', W)."""
    return conv(x.permute(0, 2, 1, 3)).permute(0, 2, 1, 3)


class HyperConvBlock(nn.Module):
    """(B, C, H, W) -> (B, C', H', W'): a HyperConv, then a convolution with C as its channels.

    The input is added when it has the output's shape.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape, kernel_size: int) -> None:
        super().__init__()
        self.hyper = HyperConv(in_shape[1:], out_shape[1:], kernel_size)
        self.channel = _conv(in_shape[0], out_shape[0], kernel_size, bias=True)
        self.residual = in_shape == out_shape

    def forward(self, x: Tensor) -> Tensor:
        y = self.channel(self.hyper(x))
        return x + y if self.residual else y


class HyperConvDecoder(nn.Module):
    """Conditions (B, *shapes[0]) -> weight tokens (B, *shapes[-1]), one block between consecutive shapes.

    Sizes are positive and the kernel is odd, which p2w/config/decoder.py sees to: its windows have a centre.
    """

    def __init__(self, shapes: Sequence[Shape], kernel_size: int) -> None:
        super().__init__()
        self.shapes: tuple[Shape, ...] = tuple((C, H, W) for C, H, W in shapes)
        self.kernel_size = kernel_size
        pairs = zip(self.shapes[:-1], self.shapes[1:], strict=True)
        self.blocks = nn.ModuleList(HyperConvBlock(*pair, self.kernel_size) for pair in pairs)

    def forward(self, condition: Tensor, checkpointing: bool = False) -> Tensor:
        """Weight tokens; `checkpointing` keeps what goes into each block and computes the rest again for gradients."""
        if condition.dim() != 4 or tuple(condition.shape[1:]) != self.shapes[0]:
            raise ValueError(f"condition: found shape {tuple(condition.shape)}, expected (B, {str(self.shapes[0])[1:]}")
        x = condition
        for block in self.blocks:
            # Nothing in a block is random, so no generator has to be put back.
            x = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False) if checkpointing else block(x)
        return x

    @torch.no_grad()
    def init_parameters(self, generator: Generator) -> None:
        """Draw every parameter anew from `generator` (on the parameters' device), as the published code initialises."""
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.reset_parameters()
            elif isinstance(module, nn.Conv2d):
                bound = 1 / math.sqrt(module.weight[0].numel())
                module.weight.uniform_(-bound, bound, generator=generator)
                if module.bias is not None:
                    module.bias.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, HyperConv):
                bound = 1 / module.bias.numel()
                module.bias.uniform_(-bound, bound, generator=generator)


def build_decoder(shapes: Sequence[Shape], kernel_size: int, seed: int, device: Any = "cpu") -> HyperConvDecoder:
    """A decoder with fresh parameters, drawn on the CPU so that a seed means the same on every device."""
    with torch.device("meta"):
        decoder = HyperConvDecoder(shapes, kernel_size)
    decoder.to_empty(device="cpu")
    decoder.init_parameters(Generator().manual_seed(seed))
    return decoder.to(device)
