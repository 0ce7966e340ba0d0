"""Weight tokens in the published code's manner: a checkpoint at a time, a chunk at a time, in Python."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.weight_tokens import MARGIN


def tokenize_plain(tensors: Mapping[str, Tensor], layout: AdapterLayout, width: int) -> Tensor:
    """Tensors by name -> tokens (T, R, W), as https://github.com/jerryliang24/Drag-and-Drop-LLMs makes them.

    Each chunk is normalised by itself, put into an empty token, and the margins are filled with its scales.
    """
    tokens = []
    for name in layout.names:
        matrix = tensors[name].float()
        matrix = matrix if name.endswith(".lora_A.weight") else matrix.T
        tokens += [_token(chunk) for chunk in matrix.split(width, dim=1)]
    return torch.stack(tokens)


def _token(chunk: Tensor) -> Tensor:
    rows, columns = chunk.shape
    token = torch.full((rows + MARGIN, columns + MARGIN), math.nan)
    mean, std = chunk.mean(), chunk.std()
    token[:rows, :columns] = (chunk - mean) / std
    mean, scale = 8 * mean, torch.log(0.9 * std + 0.1) + 1.6
    token[rows:, 0::2], token[rows:, 1::2] = mean, scale
    token[:, -2], token[:, -1] = mean, scale
    return token
