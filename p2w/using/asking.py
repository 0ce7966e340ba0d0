"""One question to a base model and to adapted ones, side by side, token by token."""

from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import prompt_ids
from p2w.base.last_layer import last_positions
from p2w.base.lora_stack import Adapter as Weights
from p2w.base.lora_stack import LoraStack, scaling
from p2w.config.base_model import BaseModel
from p2w.using.adapter import Adapter

BASE: Weights = ({}, 0.0)  # the base model alone


def system_of(adapter: Adapter) -> str:
    """The system prompt that goes with an adapter: that of the nearest training task, or none."""
    return adapter.record.get("system", "")


def weights_of(adapter: Adapter, strength: float = 1.0) -> Weights:
    """An adapter at a share of its effect: 0 is the base model, 1 what was generated."""
    return adapter.tensors, scaling(adapter.config) * strength


def ask(adapter: Adapter, base: BaseModel, question: str, system: str, max_new_tokens: int) -> tuple[str, str]:
    """The greedy answers of the base model and of the adapted one, up to the end of the turn."""
    both = [BASE, weights_of(adapter)]
    *_before, (plain, adapted) = answers(load_model(base), load_tokenizer(base), both, question, system, max_new_tokens)
    return plain, adapted


@torch.no_grad()
def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    adapters: Sequence[Weights],
    question: str,
    system: str,
    max_new_tokens: int,
) -> Iterator[list[str]]:
    """The greedy answers of several adapters to one question: after every token, what each has said so far.

    The model is its own between two of them, so that answers to others may come in turn. Raises ValueError: the model
    has other modules than an adapter; question and answer are longer than it takes.
    """
    prompt = prompt_ids(tokenizer, system, question)
    _check_room(model, len(prompt), max_new_tokens)
    stack, cache = LoraStack(model, adapters), None
    ids = torch.tensor([prompt] * len(adapters), device=model.device)
    said: list[list[int]] = [[] for _ in adapters]
    open_ = set(range(len(adapters)))
    for _ in range(max_new_tokens):
        with stack.active():
            found = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=last_positions(1))
        cache, best = found.past_key_values, found.logits[:, -1].argmax(-1)
        open_ -= {number for number in open_ if best[number] == tokenizer.eos_token_id}
        for number in open_:
            said[number].append(int(best[number]))
        yield [tokenizer.decode(tokens, skip_special_tokens=True) for tokens in said]
        if not open_:
            return
        ids = best[:, None]


def _check_room(model: PreTrainedModel, tokens: int, more: int) -> None:
    most = model.config.max_position_embeddings
    if tokens + more > most:
        raise ValueError(f"question: found {tokens} tokens and {more} for the answer, expected at most {most} together")
