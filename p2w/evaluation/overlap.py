"""Test rows that occur in training prompts: word for word, or by a run of words that both have."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import pandas as pd

NGRAM = 8


def overlap(training: Mapping[str, pd.DataFrame], test: pd.DataFrame, ngram: int = NGRAM) -> dict[str, Any]:
    """How many test rows occur in each task's training samples, for the evaluation file.

    A row's text is its question and then its choices, as lower-case words without punctuation. `exact`: the whole text
    is that of a training row. `ngram`: a run of `ngram` words stands in a training row too; shorter texts have none.
    Of the samples, those of each training task and those that are scored, only these two columns are read.
    """
    if ngram < 1:
        raise ValueError(f"ngram: found {ngram}, expected at least 1 word")
    rows = [_words(*row) for row in zip(test["question"], test["choices"], strict=True)]
    texts = {tuple(words) for words in rows}
    grams = set(chain.from_iterable(_grams(words, ngram) for words in rows))
    counts = {}
    for task, samples in training.items():
        seen = [_words(*row) for row in zip(samples["question"], samples["choices"], strict=True)]
        # Set against iterator: the millions of n-grams of a large task are looked up, never stored.
        same_texts = texts.intersection(map(tuple, seen))
        same_grams = grams.intersection(chain.from_iterable(_grams(words, ngram) for words in seen))
        counts[task] = {
            "rows": len(samples),
            "exact": sum(tuple(words) in same_texts for words in rows),
            "ngram": sum(not same_grams.isdisjoint(_grams(words, ngram)) for words in rows),
        }
    return {"ngram": ngram, "tasks": counts}


def _words(question: str, choices: Iterable[str]) -> list[str]:
    return re.findall(r"\w+", " ".join([question, *choices]).casefold())


def _grams(words: list[str], ngram: int) -> Iterator[tuple[str, ...]]:
    """All runs of `ngram` words; none if there are fewer."""
    return zip(*(words[start:] for start in range(ngram)), strict=False)
