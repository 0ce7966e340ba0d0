"""Answers of a model under K adapters: the greedy text, and the log-likelihood of every continuation on offer.

One pass over the rows gives both for most of them. The prompt is followed by the tree of all continuations
(packing.py); where the most likely tokens stay within the tree up to the end of the turn, they are the greedy answer.
What leaves the tree is decoded from there (decoding.py). A question that is answered freely has an empty tree.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from p2w.base.chat import pad, pad_id, prompt_ids, response_ids
from p2w.base.last_layer import NOWHERE, last_network_at, last_positions
from p2w.base.lora_stack import LoraStack
from p2w.base.shared_prefix import common_prefix
from p2w.evaluation.decoding import Greedy, complete
from p2w.evaluation.packing import Packed, Tree, attention_mask, pack
from p2w.runtime.memory import in_pieces_that_fit

# Relative error of a log-likelihood that rounding explains, in float32 (True) or less; a leaking mask makes more.
TOLERANCE = {True: 1e-3, False: 1e-1}


@dataclass(frozen=True)
class Question:
    """A tokenized sample: prompt, each response with the end of the turn, and the options' bare texts if wanted."""

    prompt: list[int]
    responses: list[list[int]]
    options: list[list[int]]
    most: int | None = None  # tokens of a free answer; there are neither responses nor options then

    @cached_property
    def tree(self) -> Tree:
        """All continuations on offer: the responses, the same without the end of the turn (no more nodes), options."""
        return Tree([*self.responses, *(ids[:-1] for ids in self.responses), *self.options])

    def split(self, scores: list[float]) -> tuple[list[float], list[float], list[float]]:
        """Those of the tree's continuations, by kind."""
        count = len(self.responses)
        return scores[:count], scores[count : 2 * count], scores[2 * count :]

    @property
    def longest_answer(self) -> int:
        """Tokens that a greedy answer may have: one more than the longest response."""
        return self.most or max(map(len, self.responses)) + 1

    @property
    def room(self) -> int:
        """Tokens that are held beside the prompt."""
        return self.most or self.tree.nodes


@dataclass(frozen=True)
class Answer:
    """What one adapter answers to one question."""

    ids: list[int]  # greedy, without the end of the turn
    responses: list[float]  # log-likelihoods
    without_end: list[float]  # those of the responses without the end of the turn
    options: list[float]
    ended: bool = True  # by the model itself, not by the number of its tokens


def tokenize_samples(
    tokenizer: PreTrainedTokenizerBase, samples: pd.DataFrame, option_text: bool = False, most: int | None = None
) -> list[Question]:
    """Tokenize all samples once, for any number of adapters; `most` tokens of an answer are for those without choices.

    The options' texts are tokenized only with `option_text`.
    """
    return [
        Question(
            prompt_ids(tokenizer, row.system, row.prompt),
            [response_ids(tokenizer, response) for response in row.responses],
            [response_ids(tokenizer, choice)[:-1] for choice in row.choices] if option_text else [],
            most,
        )
        for row in samples.itertuples()
    ]


def adapters_at_once(questions: Sequence[Question], batch_tokens: int) -> int:
    """How many adapters `batch_tokens` allow side by side, at least one."""
    longest = max(len(question.prompt) for question in questions) + max(question.room for question in questions)
    return max(1, batch_tokens // longest)


@torch.inference_mode()
def check_model(model: PreTrainedModel, question: Question) -> None:
    """ValueError unless one pass over the tree gives what the model gives for each continuation alone.

    Not every architecture heeds the mask and the positions that it is given (packing.py says which are refused
    outright); one that does not would be scored wrongly without a sign of it. Where nothing is on offer, the prompt's
    own tokens are tried.
    """
    if not question.responses:
        question = replace(question, responses=[question.prompt[:4], question.prompt[-4:]])
    packed = pack([question.prompt], [question.tree], 0, 0).to(model.device)
    together = _log_likelihoods(_logits(model, packed, DynamicCache(), 1)[0], [question])[0]
    for ids, found in zip(question.tree.continuations, together, strict=True):
        whole = torch.tensor([[*question.prompt, *ids]], device=model.device)
        logits = model(input_ids=whole).logits[0, len(question.prompt) - 1 : -1].float()
        alone = logits.log_softmax(-1).gather(1, whole[0, len(question.prompt) :, None]).sum().item()
        if abs(found - alone) > TOLERANCE[model.dtype == torch.float32] * (1 + abs(alone)):
            raise ValueError(
                f"{type(model).__name__}: found log-likelihood {found:.4f} in one pass with other continuations, "
                f"expected {alone:.4f} as alone; its attention cannot be scored so"
            )


@torch.inference_mode()
def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    stack: LoraStack,
    batch_tokens: int,
    advance: Callable[[int], None],
    found: Sequence[dict[int, Answer]] | None = None,
) -> list[list[Answer]]:
    """What the model answers: for each adapter of `stack`, one answer per question in order.

    `batch_tokens` are computed at once over all adapters: more only where one row alone has more, fewer where memory
    runs out. `advance` is called after every batch, with the number of answers that are new. `found` has for each
    adapter the answers that it has given already by position; the others are added. Raises NoRoom: memory runs out with
    one row. Raises FloatingPointError: a log-likelihood that is not finite.
    """
    found = found or [{} for _ in range(len(stack))]
    beginnings = [question.prompt[:-1] for question in questions]
    prefix = beginnings[0][: common_prefix(beginnings)]
    cached = _read_prefix(model, stack, prefix)
    longest_first = sorted(range(len(questions)), key=lambda i: -len(questions[i].prompt))
    left = [i for i in longest_first if not all(i in of_adapter for of_adapter in found)]
    most = len(questions)
    while left:
        batch = _next_batch(questions, left, batch_tokens // len(stack))[:most]

        def compute(rows: int, batch: Sequence[int] = batch) -> list[list[Answer]]:
            chosen = [questions[i] for i in batch[:rows]]
            packed = pack([q.prompt for q in chosen], [q.tree for q in chosen], len(prefix), pad_id(tokenizer))
            return _answer_batch(model, stack, cached, packed.to(model.device), chosen, tokenizer.eos_token_id)

        answers, rows = in_pieces_that_fit(len(batch), compute, f"rows for {len(stack)} adapters")
        most = min(most, rows) if rows < len(batch) else most
        for i, of_row in zip(batch[:rows], answers, strict=True):
            for of_adapter, one in zip(found, of_row, strict=True):
                of_adapter[i] = one
        left = left[rows:]
        advance(rows * len(stack))
    return [[of_adapter[i] for i in range(len(questions))] for of_adapter in found]


def _next_batch(questions: Sequence[Question], left: Sequence[int], batch_tokens: int) -> list[int]:
    """The first of `left` that make a batch: at most `batch_tokens` tokens with fillers, at least one row."""
    longest, nodes = len(questions[left[0]].prompt), 0
    for count, i in enumerate(left):
        nodes = max(nodes, questions[i].room)
        if count and (count + 1) * (longest + nodes) > batch_tokens:
            return list(left[:count])
    return list(left)


def _read_prefix(model: PreTrainedModel, stack: LoraStack, prefix: Sequence[int]) -> DynamicCache:
    """Keys and values of the common beginning of all prompts, one row per adapter."""
    cache = DynamicCache()
    if prefix:
        ids = torch.tensor([prefix], device=model.device).repeat(len(stack), 1)
        with stack.active(), last_network_at(model, NOWHERE):
            model.base_model(input_ids=ids, past_key_values=cache, use_cache=True)
    return cache


def _answer_batch(
    model: PreTrainedModel,
    stack: LoraStack,
    cached: DynamicCache,
    packed: Packed,
    questions: Sequence[Question],
    end: int,
) -> list[list[Answer]]:
    """For each question the answers of all adapters."""
    N = len(questions)
    cache = DynamicCache([(keys.repeat_interleave(N, 0), values.repeat_interleave(N, 0)) for keys, values, _ in cached])
    with stack.active():
        logits = _logits(model, packed, cache, len(stack))
    best = logits.argmax(-1).tolist()
    greedy = [[_greedy(k, n, q, best[k][n], end) for n, q in enumerate(questions)] for k in range(len(stack))]
    unknown = [answer for answers in greedy for answer in answers if not answer.complete]
    if unknown:
        complete(model, stack, cache, packed, unknown)
    # One adapter at a time: float32 takes up to twice the memory of the logits themselves.
    scores = [_log_likelihoods(of_adapter, questions) for of_adapter in logits]
    for k, of_adapter in enumerate(scores):
        known = all(math.isfinite(value) for values in of_adapter for value in values)
        if not known or logits[k, :, 0].isnan().any():
            raise FloatingPointError(f"adapter {k + 1} of {len(stack)}: found a log-likelihood that is not finite")
    return [
        [Answer(greedy[k][n].text_ids, *q.split(scores[k][n]), greedy[k][n].ended) for k in range(len(stack))]
        for n, q in enumerate(questions)
    ]


def _logits(model: PreTrainedModel, packed: Packed, cache: DynamicCache, K: int) -> Tensor:
    """What follows the prompt and each node of its tree, (K, N, 1 + T, vocabulary); extends `cache`."""
    N, L = packed.ids.shape
    queries = packed.positions[:, -L:].repeat(K, 1)
    keys = packed.positions.repeat(K, 1)
    wanted = 1 + packed.nodes
    with last_network_at(model, (slice(None), slice(-wanted, None))):
        output = model(
            input_ids=packed.ids.repeat(K, 1),
            attention_mask=attention_mask(model.config, packed.visible.repeat(K, 1, 1), queries, keys, model.dtype),
            position_ids=queries,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=last_positions(wanted),
        )
    return output.logits.unflatten(0, (K, N))


def _greedy(adapter: int, row: int, question: Question, best: Sequence[int], end: int) -> Greedy:
    """The greedy answer as far as the tree tells it, given the most likely token after each node."""
    ids, way = question.tree.follow(best)
    answer = Greedy(adapter, row, ids[:1], way, len(question.prompt), question.longest_answer, end)
    answer.extend(ids[1:])
    return answer


def _log_likelihoods(logits: Tensor, questions: Sequence[Question]) -> list[list[float]]:
    """Of each question's continuations under one adapter, from logits (N, 1 + T, vocabulary); float32."""
    flat = [(n, ids) for n, question in enumerate(questions) for ids in question.tree.continuations]
    if not flat:
        return [[] for _ in questions]
    rows = torch.tensor([n for n, _ in flat], device=logits.device).unsqueeze(1)
    nodes = pad([questions[n].tree.path(ids) for n, ids in flat], 0).to(logits.device)
    tokens = pad([ids for _, ids in flat], 0).to(logits.device)
    inside = pad([[1] * len(ids) for _, ids in flat], 0).to(logits.device)
    values = logits.float()
    per_token = values[rows, nodes, tokens] - values.logsumexp(-1)[rows, nodes]
    totals = iter((per_token * inside).sum(1).tolist())
    return [[next(totals) for _ in question.tree.continuations] for question in questions]
