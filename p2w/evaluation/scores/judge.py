"""Whether free answers are right, by the score of their task."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from p2w.config.scoring import Score


class Verdict(NamedTuple):
    """What became of an answer; one that is not valid is not right."""

    right: bool
    valid: bool


def judge(
    score: Score, texts: Sequence[str], ended: Sequence[bool], samples: pd.DataFrame, execute_code: bool
) -> list[Verdict]:
    """A verdict for each text, the answer to the sample at its place; `ended`: the model ended the answer by itself."""
    if score.kind == "code" and not execute_code:
        raise ValueError("score: found code, expected evaluation.execute_code: true with it")
    verdicts = []
    for text, over, reference in zip(texts, ended, samples["response"], strict=True):
        said, wanted = text.strip(), reference.strip()
        if score.kind == "normalized":
            said, wanted = said.casefold(), wanted.casefold()
        valid = over and (score.answers is None or said in score.answers)
        verdicts.append(Verdict(valid and said == wanted, valid))
    return verdicts
