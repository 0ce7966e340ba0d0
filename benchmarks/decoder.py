"""A training step of the decoder with its data, against encoding prompts and tokenizing checkpoints in every step.

Everything is an eighth of the published size: prompts, their length, layers of the adapter, decoder shapes, batch; and
the kernel is 3 in place of 9, with which the convolutions alone would be all that a CPU does. Prints one line of JSON.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from full_size_counts import decoder_flops
from full_size_models import LORA, RandomCheckpoints
from full_size_stages import Setting, decoder_config
from measure import claim, flops_peak, in_turns, parser, report, start
from plain_decoder import PlainSteps
from prompts import PaddedEncoder, encoder, read_prompts
from safetensors.torch import save_file
from torch import Tensor

from p2w.adapters.layout import PEFT_PREFIX, AdapterLayout
from p2w.adapters.weight_tokens import WeightTokens
from p2w.base.base_model import times_slower
from p2w.config.decoder import DecoderConfig
from p2w.generators.batches import Batches, load_tasks
from p2w.generators.generation import stream
from p2w.generators.hyperconv import build_decoder
from p2w.generators.optimizers import build_optimizer, set_learning_rate, update
from p2w.generators.training import INIT, accumulate_gradients, lr_schedule
from p2w.prompts.encoder import load_encoder
from p2w.prompts.states import PromptStates

SMALLER = 8
TASKS, CHECKPOINTS, PROMPTS = 3, 4, 64


def smaller(kernel_size: int, batch_size: int) -> tuple[DecoderConfig, WeightTokens, int]:
    """Config, weight tokens and prompt length of the published decoder, an eighth in every direction."""
    setting = Setting("decoder", True, steps=2, batch_size=batch_size, micro_batch_size=batch_size, precision="float32")
    shapes = tuple(tuple(max(1, size // SMALLER) for size in shape) for shape in setting.published["decoder"]["shapes"])
    config = decoder_config(setting).model_copy(update={"shapes": shapes, "kernel_size": kernel_size})
    return config, WeightTokens(setting.base.layout()), setting.less(setting.published["encoder"]["max_length"])


def write_files(folder: Path, layout: AdapterLayout, checkpoints: RandomCheckpoints) -> list[list[Path]]:
    """Every checkpoint as a safetensors file; the files of each task."""
    files = [[folder / f"{task}_{number}.safetensors" for number in range(CHECKPOINTS)] for task in checkpoints]
    for paths, flat in zip(files, checkpoints.values(), strict=True):
        for path, row in zip(paths, flat, strict=True):
            save_file({PEFT_PREFIX + name: tensor for name, tensor in layout.unflatten(row).items()}, path)
    return files


class Steps:
    """P2W's steps, its data prepared once."""

    def __init__(
        self,
        config: DecoderConfig,
        spec: WeightTokens,
        states: Mapping[str, PromptStates],
        checkpoints: Mapping[str, Tensor],
        seed: int = 0,
    ) -> None:
        self.config, self.done = config, 0
        tasks, self.weight = load_tasks(config, spec, states, checkpoints, "cpu")
        self.batches = Batches(config, tasks, seed, "cpu", range(config.batch_size))
        self.shapes = (self.batches.condition_shape, *config.shapes, spec.shape)
        self.decoder = build_decoder(self.shapes, config.kernel_size, stream(seed, INIT))
        rates = config.learning_rate, config.weight_decay
        self.optimizer = build_optimizer(config.optimizer, self.decoder.parameters(), *rates)

    def data(self) -> list[Any]:
        """A batch, in the pieces in which it is computed."""
        return list(self.batches.next())

    def step(self) -> float:
        """One update; the loss before it. After the last one the rate stays what it was."""
        step = min(self.done, self.config.steps - 1)
        rate = lr_schedule(step, self.config.learning_rate, self.config.warmup_steps, self.config.steps)
        set_learning_rate(self.optimizer, rate)
        self.done += 1
        loss = accumulate_gradients(self.config, self.decoder, self.batches.next(), self.weight)
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), self.config.clip_norm)
        update(self.optimizer, "cpu")
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


def fast_bfloat16() -> bool:
    """Whether products of bfloat16 are the faster ones here."""
    return times_slower(torch.bfloat16, 512) < 1


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parser(__doc__, threads=2, kernel=3, large_kernel=9, batch=8).parse_args(argv)
    start(args)
    config, spec, length = smaller(args.kernel, args.batch)
    texts = read_prompts(None, TASKS * PROMPTS)
    prompts = [texts[first : first + PROMPTS] for first in range(0, len(texts), PROMPTS)]
    checkpoints, loaded = RandomCheckpoints(TASKS, CHECKPOINTS, spec.layout.size), load_encoder(encoder(length))
    states = {
        task: PromptStates.from_states(loaded.encode(own), length)
        for task, own in zip(checkpoints, prompts, strict=True)
    }
    ours = {"float32": Steps(config, spec, states, checkpoints)}
    if fast_bfloat16():
        ours["bfloat16"] = Steps(config.model_copy(update={"precision": "bfloat16"}), spec, states, checkpoints)
    best = list(ours)[-1]
    large = Steps(ours[best].config.model_copy(update={"kernel_size": args.large_kernel}), spec, states, checkpoints)
    shapes = ours["float32"].shapes
    with tempfile.TemporaryDirectory() as folder:
        plain_decoder = build_decoder(shapes, config.kernel_size, 0)
        files = write_files(Path(folder), spec.layout, checkpoints)
        plain = PlainSteps(config, spec, plain_decoder, PaddedEncoder(length), files, prompts)
        ways: dict[str, Callable[[], Any]] = {"plain": plain.step, "plain_data": plain.data}
        ways |= {name: steps.step for name, steps in ours.items()}
        taken, _ = in_turns(ways | {"data": ours["float32"].data, "large_kernel": large.step}, args.runs)
    flops = 3 * config.batch_size * decoder_flops(shapes, config.kernel_size)
    claims = [claim("the data of a step", taken, "data", "plain_data", 4)]
    claims += [
        claim(f"a step with its data, {name}", taken, name, "plain", 4, flops / flops_peak(getattr(torch, name)))
        for name in ours
    ]
    processor = taken["processor_seconds"]
    share = {name: processor["data"] / processor[name] for name in (*ours, "large_kernel")}
    claims.append({"claim": f"share of the data in a step, kernel {args.large_kernel}", "share": share["large_kernel"],
                   "at_most": 0.03, "met": share["large_kernel"] <= 0.03, "shares": share})  # fmt: skip
    report("decoder", args, claims, lora_rank=LORA.rank, weight_tokens=spec.num_tokens)


if __name__ == "__main__":
    main()
