"""Answers of a model to samples: the greedy text, and the log-likelihood of every response on offer.

The prompt is read once; greedy decoding and all responses continue from its key-value cache.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from p2w.answers import parse_answer
from p2w.chat import pad, prompt_ids, response_ids


@dataclass(frozen=True)
class Question:
    """A tokenized sample: prompt, and each response with the end of the turn."""

    prompt: list[int]
    responses: list[list[int]]


def tokenize_samples(tokenizer: PreTrainedTokenizerBase, samples: pd.DataFrame) -> list[Question]:
    """Tokenize all samples once, for any number of adapters."""
    return [
        Question(prompt_ids(tokenizer, row.system, row.prompt), [response_ids(tokenizer, r) for r in row.responses])
        for row in samples.itertuples()
    ]


@torch.inference_mode()
def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    samples: pd.DataFrame,
    questions: Sequence[Question],
    batch_tokens: int,
) -> pd.DataFrame:
    """What the model answers, one row per sample in order.

    Returns:
        Columns `id`, `choices` (how many), `response` (the right one), `gold` (its position), `text` (greedy, up to
        the end of the turn), `prediction` (strictly parsed position, -1 when invalid), `choice` (position of the most
        likely response).
    """
    texts: list[str] = [""] * len(questions)
    choices = [0] * len(questions)
    for batch in _batches(questions, batch_tokens):
        chosen = [questions[i] for i in batch]
        greedy, likelihoods = _answer_batch(model, tokenizer, chosen)
        for i, ids, scores in zip(batch, greedy, likelihoods, strict=True):
            texts[i] = tokenizer.decode(ids, skip_special_tokens=True)
            choices[i] = int(scores.argmax())
    parsed = [parse_answer(text, list(responses)) for text, responses in zip(texts, samples["responses"], strict=True)]
    return pd.DataFrame(
        {
            "id": samples["id"].to_numpy(),
            "choices": samples["responses"].map(len).to_numpy(),
            "response": [
                responses[gold] for responses, gold in zip(samples["responses"], samples["answer"], strict=True)
            ],
            "gold": samples["answer"].to_numpy(dtype="int64"),
            "text": texts,
            "prediction": parsed,
            "choice": choices,
        }
    )


def _batches(questions: Sequence[Question], batch_tokens: int) -> Iterator[list[int]]:
    """Positions in batches of similar length: at most `batch_tokens` padded prompt tokens each, at least one row."""
    batch: list[int] = []
    for i in sorted(range(len(questions)), key=lambda i: -len(questions[i].prompt)):
        if batch and (len(batch) + 1) * len(questions[batch[0]].prompt) > batch_tokens:
            yield batch
            batch = []
        batch.append(i)
    yield batch


def _answer_batch(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question]
) -> tuple[list[list[int]], list[Tensor]]:
    device, pad_id = model.device, tokenizer.pad_token_id
    input_ids = pad([q.prompt for q in questions], pad_id, side="left").to(device)
    mask = pad([[1] * len(q.prompt) for q in questions], 0, side="left").to(device)
    cache = DynamicCache(config=model.config)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    first = _logits(model, input_ids, mask, positions, cache, last_only=True)[:, -1]
    likelihoods = _likelihoods(model, questions, mask, first, copy.deepcopy(cache), pad_id)
    longest = max(len(ids) for q in questions for ids in q.responses)
    return _greedy(model, mask, first, cache, longest, tokenizer.eos_token_id), likelihoods


def _logits(
    model: PreTrainedModel, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache, last_only: bool = False
) -> Tensor:
    """Float32 logits (N, L, vocabulary), or (N, 1, vocabulary) of the last position; extends `cache`."""
    output = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1 if last_only else 0,
    )
    return output.logits.float()


def _greedy(
    model: PreTrainedModel, mask: Tensor, first: Tensor, cache: DynamicCache, longest: int, eos_id: int
) -> list[list[int]]:
    """Most likely continuation, token by token, at most as long as the longest response on offer plus one token."""
    token = first.argmax(-1, keepdim=True)
    tokens = [token]
    for _ in range(longest):
        if all((torch.cat(tokens, 1) == eos_id).any(1)):
            break
        mask = torch.cat([mask, torch.ones_like(token)], 1)
        positions = mask.sum(1, keepdim=True) - 1
        token = _logits(model, token, mask, positions, cache)[:, -1].argmax(-1, keepdim=True)
        tokens.append(token)
    return [_until(ids, eos_id) for ids in torch.cat(tokens, 1).tolist()]


def _until(ids: list[int], eos_id: int) -> list[int]:
    return ids[: ids.index(eos_id)] if eos_id in ids else ids


def _likelihoods(
    model: PreTrainedModel,
    questions: Sequence[Question],
    mask: Tensor,
    first: Tensor,
    cache: DynamicCache,
    pad_id: int,
) -> list[Tensor]:
    """Log-likelihood of each response given its prompt, one (choices,) tensor per question."""
    counts = [len(q.responses) for q in questions]
    owners = torch.repeat_interleave(torch.arange(len(questions)), torch.tensor(counts)).to(mask.device)
    ids = pad([ids for q in questions for ids in q.responses], pad_id).to(mask.device)
    inside = pad([[1] * len(ids) for q in questions for ids in q.responses], 0).to(mask.device)
    cache.batch_select_indices(owners)
    whole_mask = torch.cat([mask[owners], inside], 1)
    positions = mask[owners].sum(1, keepdim=True) + torch.arange(ids.shape[1], device=mask.device)
    later = _logits(model, ids, whole_mask, positions, cache)
    logits = torch.cat([first[owners].unsqueeze(1), later[:, :-1]], 1)
    per_token = logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    return list((per_token * inside).sum(1).cpu().split(counts))
