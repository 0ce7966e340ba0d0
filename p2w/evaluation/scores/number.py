"""An answer is right when its number is the reference's: the one after four hashes as in GSM8K, else the last one."""

import re
from collections.abc import Sequence
from decimal import Decimal

import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.scores.verdict import WRONG, Verdict

HASHES = "####"
NUMBER = r"-?\$?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)"


def find_number(text: str, strict: bool) -> Decimal | None:
    """The number after the last four hashes that have one, or without `strict` the last number of the text.

    The rules of lm-evaluation-harness's gsm8k, strict-match and flexible-extract, with what its exact_match ignores:
    commas, dollars, a full stop. Unlike it numbers are compared and not texts (18.00 is 18).
    """
    found = re.findall(rf"{HASHES}\s*({NUMBER})" if strict else NUMBER, text)
    return Decimal(re.sub("[$,]", "", found[-1])) if found else None


def number(_: Score, texts: Sequence[str], samples: pd.DataFrame) -> list[Verdict]:
    """Strict where the reference has four hashes; ValueError where a reference has no number."""
    return [_compare(text, reference) for text, reference in zip(texts, samples["response"], strict=True)]


def _compare(text: str, reference: str) -> Verdict:
    strict = HASHES in reference
    expected = find_number(reference, strict)
    if expected is None:
        raise ValueError(f"found no number in the reference {reference[-80:]!r}, expected one to compare with")
    said = find_number(text, strict)
    return WRONG if said is None else Verdict(said == expected, valid=True)
