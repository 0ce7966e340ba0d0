"""Two plain ways to score adapters on test rows, to compare with: each evaluated on its own, or one after another.

Both give the answers that `p2w.evaluation.evaluate.predict` gives, without what makes it fast.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import torch
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import IGNORED, pad, prompt_ids, response_ids, supervised_batch
from p2w.config.base_model import BaseModel

Answers = list[tuple[list[int], int]]  # greedy tokens up to the end of the turn, and position of the likeliest response
Row = tuple[list[int], list[list[int]]]  # tokens of the prompt and of the responses


@torch.inference_mode()
def evaluate_alone(base: BaseModel, samples: pd.DataFrame, folder: Path, batch_rows: int) -> Answers:
    """As the published code evaluates: model loaded anew, adapter merged, prompts padded, `generate`; then likelihoods.

    https://github.com/jerryliang24/Drag-and-Drop-LLMs scores greedy text only; here a pass per choice is added, as
    evaluation harnesses do it, because P2W reports both.
    """
    tokenizer = load_tokenizer(base)
    model = PeftModel.from_pretrained(load_model(base), str(folder)).merge_and_unload()
    rows = tokenized(tokenizer, samples)
    answers: Answers = []
    for first in range(0, len(rows), batch_rows):
        batch = rows[first : first + batch_rows]
        prompts = [prompt for prompt, _ in batch]
        ids = pad(prompts, tokenizer.pad_token_id, "left")
        output = model.generate(
            ids,
            attention_mask=pad([[1] * len(prompt) for prompt in prompts], 0, "left"),
            max_new_tokens=max(len(ids) for _, responses in batch for ids in responses) + 1,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        texts = [_until(row, tokenizer.eos_token_id) for row in output[:, ids.shape[1] :].tolist()]
        answers += zip(texts, _choices(model, batch, tokenizer.pad_token_id), strict=True)
    return answers


def tokenized(tokenizer, samples: pd.DataFrame) -> list[Row]:
    """Prompts and responses as tokens."""
    return [
        (prompt_ids(tokenizer, row.system, row.prompt), [response_ids(tokenizer, text) for text in row.responses])
        for row in samples.itertuples()
    ]


def _choices(model: PreTrainedModel, batch: Sequence[Row], pad_id: int) -> list[int]:
    """Position of each row's likeliest response, one pass over whole sequences for each position."""
    scores = torch.full((len(batch), max(len(responses) for _, responses in batch)), -torch.inf)
    for place in range(scores.shape[1]):
        having = [n for n, (_, responses) in enumerate(batch) if place < len(responses)]
        whole = supervised_batch([batch[n][0] for n in having], [batch[n][1][place] for n in having], pad_id)
        logits = model(input_ids=whole["input_ids"], attention_mask=whole["attention_mask"]).logits[:, :-1]
        labels = whole["labels"][:, 1:]
        chosen = logits.log_softmax(-1).gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        scores[having, place] = chosen.masked_fill(labels == IGNORED, 0).sum(1)
    return scores.argmax(1).tolist()


@torch.inference_mode()
def answer_one(model: PreTrainedModel, rows: Sequence[Row], batch_rows: int, pad_id: int, end: int) -> Answers:
    """As P2W did it before: each prompt read once, greedy text and all responses continued from copies of its cache."""
    answers: dict[int, tuple[list[int], int]] = {}
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i][0]))
    for first in range(0, len(order), batch_rows):
        chosen = order[first : first + batch_rows]
        batch = [rows[i] for i in chosen]
        ids = pad([prompt for prompt, _ in batch], pad_id, "left")
        mask = pad([[1] * len(prompt) for prompt, _ in batch], 0, "left")
        cache = DynamicCache()
        last = _next(model, ids, mask, cache)[:, -1:]
        copy = DynamicCache([(keys, values) for keys, values, _ in cache])
        places = _cached_choices(model, batch, mask, last, copy, pad_id)
        longest = max(len(ids) for _, responses in batch for ids in responses)
        tokens = torch.cat(list(_greedy(model, mask, last, cache, longest, end)), 1).tolist()
        answers.update(zip(chosen, zip([_until(ids, end) for ids in tokens], places, strict=True), strict=True))
    return [answers[i] for i in range(len(rows))]


def _next(model: PreTrainedModel, ids: Tensor, mask: Tensor, cache: DynamicCache, keep: int = 1) -> Tensor:
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    output = model(
        input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, logits_to_keep=keep
    )
    return output.logits


def _greedy(
    model: PreTrainedModel, mask: Tensor, last: Tensor, cache: DynamicCache, longest: int, end: int
) -> Iterator[Tensor]:
    token = last.argmax(-1)
    ended = token == end
    yield token
    for _ in range(longest):
        if ended.all():
            return
        mask = torch.cat([mask, torch.ones_like(token)], 1)
        token = _next(model, token, mask, cache).argmax(-1)
        ended |= token == end
        yield token


def _cached_choices(
    model: PreTrainedModel, batch: Sequence[Row], mask: Tensor, last: Tensor, cache: DynamicCache, pad_id: int
) -> list[int]:
    counts = [len(responses) for _, responses in batch]
    owners = torch.repeat_interleave(torch.arange(len(batch)), torch.tensor(counts))
    cache.batch_select_indices(owners)
    ids = pad([ids for _, responses in batch for ids in responses], pad_id)
    inside = pad([[1] * len(ids) for _, responses in batch for ids in responses], 0)
    later = _next(model, ids, torch.cat([mask[owners], inside], 1), cache, keep=0)
    logits = torch.cat([last[owners], later[:, :-1]], 1)
    per_token = logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    return [int(scores.argmax()) for scores in (per_token * inside).sum(1).split(counts)]


def _until(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids
