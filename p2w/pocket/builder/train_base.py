"""Training of the pocket base model: a tiny model of Qwen2's architecture, from scratch, phase by phase."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

from p2w.pocket.builder.curriculum import Phase, make_batch
from p2w.pocket.builder.drills import Drills

REPORT_EVERY = 100  # steps


@dataclass(frozen=True)
class Training:
    """Settings of the optimizer."""

    rows: int = 48
    learning_rate: float = 2e-3
    final_learning_rate: float = 1e-4
    warmup: int = 100
    beta2: float = 0.95
    weight_decay: float = 0.01
    clip: float = 1.0


def new_model(tokenizer: PreTrainedTokenizerBase, seed: int) -> Qwen2ForCausalLM:
    """The untrained model. Sizes leave 64 as the common divisor of all adapter widths."""
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=384,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.08,  # the usual 0.02 never gets off the ground at this width
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Qwen2ForCausalLM(config)


def train_phase(
    model: Qwen2ForCausalLM, drills: Drills, phase: Phase, training: Training, seed: int, report: Callable[[str], None]
) -> dict[str, float]:
    """Train one phase and return its steps, last loss and accuracy; every phase starts a fresh optimizer."""
    rng = Random(f"{phase.name}/{seed}")
    optimizer = torch.optim.AdamW(
        model.parameters(), training.learning_rate, (0.9, training.beta2), weight_decay=training.weight_decay
    )
    model.train()
    losses: list[float] = []
    accuracies: list[float] = []
    for step in range(1, phase.steps + 1):
        optimizer.param_groups[0]["lr"] = _rate(training, phase, step)
        loss, accuracy = _loss(model, *make_batch(drills, phase, training.rows, rng))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip)
        optimizer.step()
        losses.append(loss.item())
        accuracies.append(accuracy)
        if step % REPORT_EVERY == 0:
            report(f"{phase.name} {step}/{phase.steps} loss {_mean(losses):.3f} accuracy {_mean(accuracies):.3f}")
            if phase.enough is not None and _mean(accuracies) >= phase.enough:
                break
    return {"steps": step, "loss": round(_mean(losses), 4), "accuracy": round(_mean(accuracies), 4)}


def _rate(training: Training, phase: Phase, step: int) -> float:
    warm = min(1.0, step / training.warmup)
    if not phase.decay:
        return training.learning_rate * warm
    cosine = (1 + math.cos(math.pi * step / phase.steps)) / 2
    return warm * (training.final_learning_rate + cosine * (training.learning_rate - training.final_learning_rate))


def _loss(model: Qwen2ForCausalLM, ids: Tensor, targets: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy and accuracy over the target positions; logits are formed for those alone."""
    states = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    wanted = targets[:, 1:]
    logits, labels = model.lm_head(states[wanted]), ids[:, 1:][wanted]
    return cross_entropy(logits, labels), (logits.argmax(-1) == labels).float().mean().item()


def _mean(values: list[float]) -> float:
    recent = values[-REPORT_EVERY:]
    return sum(recent) / len(recent)
