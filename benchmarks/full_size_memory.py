"""Peak memory of decoder training at full size, simulated: the real step on tensors without contents. Needs no GPU.

Every operation of a training step runs through PyTorch's shape inference, and the storages alive are counted. What a
kernel takes for itself (convolution workspace) and what the allocator loses in fragments comes on top. Prints one JSON
line per setting, and for each card the fastest setting that leaves a tenth of it free.
"""

import argparse
import itertools
import json
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from unittest import mock

import torch
from full_size_models import MEAN_WORDS
from full_size_stages import Setting, all_shapes, decoder_config
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import layer_norm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.hyperconv import HyperConvDecoder, Shape
from p2w.generators.optimizers import build_optimizer, update
from p2w.generators.training import accumulate_gradients
from p2w.prompts.states import PromptStates

TASKS = 6
CARDS = (24, 40, 80)  # GB
FREE = 0.1  # share of a card left to workspace and fragments
SMALL, BLOCK = 4096, 256  # torchao: values of a tensor that stays float32, values with a common scale
MICRO_BATCHES = (16, 8, 4, 2, 1)
Piece = tuple[Tensor, Tensor]


class LiveBytes(TorchDispatchMode):
    """Counts the storages that operations make inside the block, now and at most, until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._closed = False
        self._live: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, Tensor):
                self._count(value.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._live:
            self._live[key] = storage.nbytes()
            self.now += self._live[key]
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        if not self._closed:
            self.now -= self._live.pop(key)

    def close(self) -> None:
        """Count no more: `now` and `peak` stay what they are."""
        self._closed = True


def _float_norm(self: nn.LayerNorm, x: Tensor) -> Tensor:
    """On a GPU autocast computes this in float32; on the CPU, where the simulation runs, it does not."""
    return layer_norm(x.float(), self.normalized_shape, self.weight, self.bias, self.eps)


def simulate(setting: Setting) -> dict[str, float]:
    """GB that training holds between steps, and at most."""
    config, spec = decoder_config(setting), WeightTokens(setting.base.layout())
    shapes = all_shapes(setting, config, spec)
    memory = training_memory(config, shapes, TASKS * setting.less(5000), TASKS * setting.less(50))
    return {"held_gb": memory.now / 1e9, "peak_gb": memory.peak / 1e9}


def training_memory(
    config: DecoderConfig, shapes: Sequence[Shape], prompts: int, checkpoints: int, fake: bool = True
) -> LiveBytes:
    """Bytes of two steps of two micro-batches each; `shapes` from the condition to the weight tokens.

    Without `fake` the tensors are real, which tells whether the simulation is right.
    """
    no_start = mock.patch.object(nn.Conv2d, "reset_parameters", nn.Module.train)  # anything that draws nothing
    as_on_a_gpu = mock.patch.object(nn.LayerNorm, "forward", _float_norm)
    with FakeTensorMode() if fake else nullcontext(), LiveBytes() as memory, no_start, as_on_a_gpu:
        states, targets = _data(config, shapes, prompts, checkpoints)
        decoder = HyperConvDecoder(shapes, config.kernel_size)
        moments, step = _optimizer(config, decoder)
        weight = torch.ones(shapes[-1][0])
        for _ in range(2):
            accumulate_gradients(config, decoder, _pieces(config, shapes, states, targets), weight)
            nn.utils.clip_grad_norm_(decoder.parameters(), config.clip_norm)
            step()
            decoder.zero_grad(set_to_none=True)
        memory.close()
        del states, targets, moments
    return memory


def _data(
    config: DecoderConfig, shapes: Sequence[Shape], prompts: int, checkpoints: int
) -> tuple[PromptStates, Tensor]:
    """What stays on the device: the states of all prompts, and the weight tokens if they are not on the host."""
    _, length, dim = shapes[0]
    flat = torch.zeros(prompts * min(MEAN_WORDS, length), dim, dtype=torch.float16)
    states = PromptStates(flat, torch.zeros(prompts + 1, dtype=torch.int64), length)
    return states, torch.zeros(checkpoints if config.targets == "device" else 1, *shapes[-1])


def _optimizer(config: DecoderConfig, decoder: nn.Module) -> tuple[Any, Callable[[], Any]]:
    """What the optimizer keeps, and its step; the 8-bit one cannot be simulated, so it only keeps (as torchao does)."""
    if config.optimizer != "adamw_8bit":
        optimizer = build_optimizer(config.optimizer, decoder.parameters(), config.learning_rate, config.weight_decay)
        return optimizer, lambda: update(optimizer, "cpu")
    return [_moment(parameter.numel()) for parameter in decoder.parameters() for _ in range(2)], lambda: None


def _moment(values: int) -> list[Tensor]:
    """An 8-bit moment and its scales; of a small tensor it stays float32."""
    if values < SMALL or values % BLOCK:
        return [torch.zeros(values)]
    return [torch.zeros(values, dtype=torch.uint8), torch.zeros(values // BLOCK)]


def _pieces(config: DecoderConfig, shapes: Sequence[Shape], states: PromptStates, targets: Tensor) -> Iterator[Piece]:
    """Two micro-batches, gathered as `p2w.generators.batches.Batches` does it."""
    size = config.micro_batch_size or config.batch_size
    for _ in range(2):
        conditions = torch.empty(size, *shapes[0])
        conditions[:] = states.gather(torch.zeros(size, config.num_prompts, dtype=torch.int64))
        wanted = torch.empty(size, *shapes[-1])
        wanted[:] = targets[:1]
        yield conditions, wanted


def settings(reduced: bool) -> Iterator[Setting]:
    """Every combination, the fastest first: nothing computed twice, exact moments, no copies from the host."""
    options = itertools.product((False, True), ("adamw_fused", "adamw_8bit"), ("device", "host"), MICRO_BATCHES)
    for checkpointing, optimizer, targets, size in options:
        yield Setting(
            "decoder",
            reduced,
            micro_batch_size=size,
            activation_checkpointing=checkpointing,
            optimizer=optimizer,
            targets=targets,
        )


def fitting(rows: Sequence[Mapping[str, Any]], card: float) -> Mapping[str, Any] | None:
    """The first setting whose peak leaves FREE of a card."""
    return next((row for row in rows if row["peak_gb"] <= card * (1 - FREE)), None)


def main(argv: Sequence[str] | None = None) -> None:
    """Print a JSON line per setting and per card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reduced", action="store_true", help="a decoder eight times smaller in every way")
    args = parser.parse_args(argv)
    rows = []
    for setting in settings(args.reduced):
        keys = ("micro_batch_size", "activation_checkpointing", "optimizer", "targets")
        found = {key: round(value, 3) for key, value in simulate(setting).items()}
        rows.append({**{key: getattr(setting, key) for key in keys}, **found})
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
    for card in CARDS:
        sys.stdout.write(json.dumps({"card_gb": card, "setting": fitting(rows, card)}) + "\n")


if __name__ == "__main__":
    main()
