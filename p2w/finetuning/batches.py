"""Labelled samples as the token sequences of one epoch: which rows, in which order, in which batches."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from p2w.base.chat import prompt_ids, response_ids
from p2w.base.shared_prefix import common_prefix
from p2w.base.token_batches import OWN_COST, pieces

PREFIX_COST = 2 * OWN_COST  # in tokens, what computing a prefix of its own takes, forward and backward


@dataclass(frozen=True)
class Encoded:
    """Token ids of the training samples: the prompt as the model sees it and the response it learns."""

    prompts: list[list[int]]
    responses: list[list[int]]

    def __len__(self) -> int:
        return len(self.prompts)

    def fingerprint(self) -> str:
        """sha256 of all token ids, in order."""
        return hashlib.sha256(json.dumps([self.prompts, self.responses]).encode()).hexdigest()

    def length(self, index: int) -> int:
        """Tokens of one whole sequence."""
        return len(self.prompts[index]) + len(self.responses[index])


def select_samples(task: str, samples: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """The first `most` rows after a seeded shuffle; ValueError without rows or with an unlabeled one."""
    if samples.empty:
        raise ValueError(f"{task}: found 0 samples, expected at least 1")
    unlabeled = samples["id"][samples["response"].isna()]
    if len(unlabeled):
        raise ValueError(f"{task}: sample {unlabeled.iloc[0]!r} has no answer, expected labelled samples only")
    order = np.random.default_rng(seed).permutation(len(samples))
    return samples.iloc[order[:most]]


def encode_samples(task: str, tokenizer: PreTrainedTokenizerBase, samples: pd.DataFrame, max_length: int) -> Encoded:
    """Token ids of all rows; ValueError when one is longer than `max_length`, nothing is cut off."""
    encoded = Encoded(
        [prompt_ids(tokenizer, row.system, row.prompt) for row in samples.itertuples()],
        [response_ids(tokenizer, row.response) for row in samples.itertuples()],
    )
    lengths = [encoded.length(index) for index in range(len(encoded))]
    longest = int(np.argmax(lengths))
    if lengths[longest] > max_length:
        name = samples["id"].iloc[longest]
        raise ValueError(f"{task}: sample {name!r} has {lengths[longest]} tokens, expected at most {max_length}")
    return encoded


def epoch_batches(count: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Every index below `count` once, shuffled by (seed, epoch) alone, so an epoch needs no earlier one to know it."""
    order = np.random.default_rng((seed, epoch)).permutation(count).tolist()
    return [order[start : start + batch_size] for start in range(0, count, batch_size)]


def micro_batches(
    encoded: Encoded, batch: Sequence[int], size: int | None, tokens: int | None = None
) -> Iterator[list[int]]:
    """A batch in pieces of at most `size` samples, or `tokens` with padding; sequences of like length together."""
    size = size or len(batch)
    if tokens is not None:
        cut = pieces({index: encoded.length(index) for index in batch}, tokens, OWN_COST)
        yield from (piece[start : start + size] for piece in cut for start in range(0, len(piece), size))
    elif size >= len(batch):
        yield list(batch)
    else:
        by_size = sorted(batch, key=encoded.length)
        yield from (by_size[start : start + size] for start in range(0, len(by_size), size))


def prefix_to_share(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with, if computing them once is less work than computing them for each."""
    # The last token of a prompt predicts the first of its response: it is never left to the others.
    shared = common_prefix([prompt[:-1] for prompt in prompts])
    return shared if (len(prompts) - 1) * shared > PREFIX_COST else 0
