"""Drag-and-Drop's decoder, trained by what its adapters are or do and not by the distance to weight tokens.

Its architecture is that of the section `decoder`; what it becomes is a decoder like any other, in the same file.
"""

from typing import Any

import torch
from torch import Tensor, nn

from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts
from p2w.generators.decoder_file import TrainedDecoder
from p2w.generators.hyperconv import Shape, build_decoder


class LearnedDecoder(nn.Module):
    """A decoder with what its tokens mean.

    Args:
        prompt_shape: (L, C) of an encoded prompt.
        spec: the weight tokens.
        config: prompts of a condition, shapes, kernel, rate.
        seed: of its first parameters.
    """

    def __init__(self, prompt_shape: tuple[int, int], spec: WeightTokens, config: DecoderConfig, seed: int) -> None:
        super().__init__()
        self.spec, self.config = spec, config
        shapes: tuple[Shape, ...] = ((config.num_prompts, *prompt_shape), *config.shapes, spec.shape)
        self.decoder = build_decoder(shapes, config.kernel_size, seed)

    def reads(self, prompts: Prompts, chosen: Tensor) -> Tensor:
        """The condition (N, L, C) of prompts `chosen` (n,), repeated where they are too few, the first of too many."""
        return prompts.gather(chosen[torch.arange(self.config.num_prompts) % len(chosen)])

    def forward(self, asked: Tensor, _known: Tensor) -> Tensor:
        """Adapters (Q, size) for conditions (Q, N, L, C); which training tasks may be used is the mixtures' affair."""
        return self.spec.detokenize(self.decoder(asked, self.config.activation_checkpointing))

    def groups(self, _config: GeneratorConfig) -> list[dict[str, Any]]:
        """Parameters and the peak of their rate."""
        return [{"params": list(self.decoder.parameters()), "peak": self.config.learning_rate}]

    def fitted(self, _num_prompts: int, metadata: dict[str, Any]) -> TrainedDecoder:
        """What it has become, as a generator."""
        return TrainedDecoder(self.decoder.cpu().eval(), self.spec, metadata)
