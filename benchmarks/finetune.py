"""LoRA fine-tuning: a batch in pieces of like length, logits of the answer's tokens alone and the low-rank
term's gradient written out, against PEFT's layers and the usual way.

Plain pads a batch to its longest sample and computes logits and loss at every position, as the published code's trainer
does. A generator that is trained by what its adapters do (the task loss) asks several of them about the rows at once;
here it is the cheapest, a mixture of adapters. The model has Qwen2.5-0.5B's proportions, output layer included, with a
quarter of the width and of the layers. Prints one line of JSON.
"""

from collections.abc import Sequence

import pandas as pd
import torch
from full_size_counts import model_flops
from full_size_models import LORA, QWEN, RandomQwen
from measure import claim, flops_peak, in_turns, parser, report, start
from peft import get_peft_model, set_peft_model_state_dict
from prompts import ARC, made_up
from torch import Tensor
from transformers import PreTrainedModel, Qwen2Config

from p2w.adapters.layout import PEFT_PREFIX
from p2w.adapters.peft_folder import peft_config
from p2w.base.base_model import load_model
from p2w.base.chat import supervised_batch
from p2w.base.lora_stack import scaling
from p2w.config.finetuning import FinetuneConfig
from p2w.finetuning.batches import epoch_batches
from p2w.finetuning.training import Training
from p2w.generators.task_loss import TaskLoss

# Widths of 4 heads; as many words as keep the output layer's share of all weights, 28 %.
SIZES = {"vocab_size": 11440, "hidden_size": 256, "intermediate_size": 1408, "num_attention_heads": 4}
MICRO_BATCH_TOKENS = 1024
TASKS, KNOWN = 4, 8  # adapters that are asked at once, and of how many each is a mixture


class SmallQwen(RandomQwen):
    """Qwen2.5-0.5B in small."""

    path: str | None = "random/small"
    layers: int = 6

    @property
    def config(self) -> Qwen2Config:
        """The same proportions, a quarter of the size."""
        return Qwen2Config(**{**QWEN, **SIZES}, num_hidden_layers=self.layers)


def samples(count: int) -> pd.DataFrame:
    """Labelled four-choice rows with prompts as long as ARC-Easy's."""
    letters = [f"[{letter}]" for letter in "ABCD"]
    table = pd.DataFrame({"prompt": made_up([ARC] * count), "response": (letters * count)[:count]})
    return table.assign(id=[f"row-{number}" for number in range(count)], system="Pick the right choice.")


def plain_model(base: SmallQwen, training: Training) -> PreTrainedModel:
    """The base model with the same adapter in PEFT's own layers."""
    model = get_peft_model(load_model(base), peft_config(LORA, "", None))
    set_peft_model_state_dict(model, {f"{PEFT_PREFIX}{name}": p.data for name, p in training.parameters.items()})
    return model


def epoch_plain(training: Training, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> list[float]:
    """The first epoch as trainers do it by default; the losses of its steps."""
    losses, parameters = [], [parameter for parameter in model.parameters() if parameter.requires_grad]
    for batch in epoch_batches(len(training.encoded), training.config.batch_size, training.seed, 1):
        prompts, responses = (
            [rows[i] for i in batch] for rows in (training.encoded.prompts, training.encoded.responses)
        )
        loss = model(**supervised_batch(prompts, responses, training.pad_id), use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, training.config.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def epoch_generated(training: Training, loss: TaskLoss, shares: Tensor, known: Tensor) -> list[float]:
    """The rows of the first epoch through mixtures (K, size), each of which answers its part; with the gradient."""
    losses = []
    for batch in epoch_batches(len(training.encoded), training.config.batch_size, training.seed, 1):
        rows = {task: batch[number :: len(shares)] for number, task in enumerate(loss.encoded)}
        found = loss(shares @ known, rows)
        found.backward()
        losses.append(found.item())
    return losses


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parser(__doc__, rows=32, batch=32, layers=6).parse_args(argv)
    start(args)
    config = FinetuneConfig(
        max_samples=args.rows, batch_size=args.batch, learning_rate=1e-4, micro_batch_tokens=MICRO_BATCH_TOKENS
    )
    base, table = SmallQwen(layers=args.layers), samples(args.rows)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ours = Training(base, LORA, config, 0, "benchmark", table)
        torch.manual_seed(0)
        model = plain_model(base, ours)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, fused=True)
    first = epoch_plain(ours, model, optimizer)[0], ours.run_epoch(1).losses[0]
    tasks = {f"task {number}": ours.encoded for number in range(min(TASKS, args.batch))}
    loss = TaskLoss(ours.base.model, ours.layout, scaling(ours.base.adapter_config), tasks, ours.pad_id)
    known = torch.randn(KNOWN, ours.layout.size, generator=torch.Generator().manual_seed(0)) * 0.01
    shares = torch.full((len(tasks), KNOWN), 1 / KNOWN, requires_grad=True)
    ways = {
        "plain": lambda: epoch_plain(ours, model, optimizer),
        "ours": lambda: ours.run_epoch(1),
        "generated": lambda: epoch_generated(ours, loss, shares, known),
    }
    taken, _ = in_turns(ways, args.runs, warm_up=False)
    lengths = [ours.encoded.length(index) for index in range(len(ours.encoded))]
    # The frozen weights get no gradient of their own: backward costs as much as forward.
    flops = 2 * model_flops(base.config, lengths, sum(map(len, ours.encoded.responses)))
    report(
        "finetune",
        args,
        [
            claim("tokens per second of fine-tuning", taken, "ours", "plain", 1.5, flops / flops_peak()),
            claim("the same rows through generated adapters, against fine-tuning one", taken, "generated", "ours", 0.6),
        ],
        tokens=sum(lengths),
        tokens_per_s=sum(lengths) / taken["seconds"]["ours"],
        first_losses=list(first),
    )


if __name__ == "__main__":
    main()
