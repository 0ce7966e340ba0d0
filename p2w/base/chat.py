"""Samples as token sequences: the base model's own chat template, the response as the assistant's turn."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

IGNORED = -100  # label of a position that carries no loss, as in torch.nn.functional.cross_entropy


def prompt_ids(tokenizer: PreTrainedTokenizerBase, system: str, prompt: str) -> list[int]:
    """Token ids of system and user turn up to where the assistant's answer begins."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def response_ids(tokenizer: PreTrainedTokenizerBase, response: str) -> list[int]:
    """Token ids of an answer and of the end of the turn."""
    return [*tokenizer(response, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def pad(sequences: Sequence[Sequence[int]], value: int, side: str = "right") -> Tensor:
    """Sequences as one (N, L) int64 tensor, filled with `value` on `side`."""
    length = max(map(len, sequences))
    rows = [
        [*row, *[value] * (length - len(row))] if side == "right" else [*[value] * (length - len(row)), *row]
        for row in sequences
    ]
    return torch.tensor(rows, dtype=torch.long)


def pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that fills a batch up, where nothing attends; a tokenizer that has none for this gives its end token.

    Llama's tokenizers and GPT-2's have none.
    """
    return tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id


def supervised_batch(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], pad_id: int
) -> dict[str, Tensor]:
    """Right-padded `input_ids`, `attention_mask` and `labels`, each (N, L); only the response carries loss."""
    whole = [[*p, *r] for p, r in zip(prompts, responses, strict=True)]
    labels = [[*[IGNORED] * len(p), *r] for p, r in zip(prompts, responses, strict=True)]
    return {
        "input_ids": pad(whole, pad_id),
        "attention_mask": pad([[1] * len(row) for row in whole], 0),
        "labels": pad(labels, IGNORED),
    }
