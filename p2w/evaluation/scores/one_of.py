"""An answer is one of a closed set, to the letter, and right when it is the reference."""

from collections.abc import Sequence

import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.answers import INVALID, parse_answer
from p2w.evaluation.scores.verdict import WRONG, Verdict


def one_of(score: Score, texts: Sequence[str], samples: pd.DataFrame) -> list[Verdict]:
    """As strict as answers by choices are; ValueError where a reference is not in the set."""
    answers = score.answers or ()
    references = [parse_answer(reference, answers) for reference in samples["response"]]
    if INVALID in references:
        found = samples["response"].iloc[references.index(INVALID)]
        raise ValueError(f"score.answers: found the reference {found!r}, expected one of {list(answers)}")
    said = [parse_answer(text, answers) for text in texts]
    return [
        WRONG if position == INVALID else Verdict(position == reference, valid=True)
        for position, reference in zip(said, references, strict=True)
    ]
