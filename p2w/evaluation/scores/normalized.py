"""An answer is right when it is the reference as SQuAD compares: without case, punctuation and articles."""

import re
import string
from collections.abc import Sequence

import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.scores.verdict import Verdict

PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """`normalize_answer` of SQuAD's evaluate-v1.1.py: lower case, no ASCII punctuation, no articles, single spaces."""
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(PUNCTUATION)).split())


def normalized(_: Score, texts: Sequence[str], samples: pd.DataFrame) -> list[Verdict]:
    """A reference of which nothing is left, such as "the" or "?", is compared as it is."""
    pairs = zip(texts, samples["response"], strict=True)
    return [
        Verdict(normalize(text) == said if (said := normalize(reference)) else text.strip() == reference.strip(), True)
        for text, reference in pairs
    ]
