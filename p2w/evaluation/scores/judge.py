"""Free answers against their references: every kind of score by its name; docs/evaluation.md has the rules."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.scores.code import code
from p2w.evaluation.scores.exact import exact
from p2w.evaluation.scores.mathematics import mathematics
from p2w.evaluation.scores.normalized import normalized
from p2w.evaluation.scores.number import number
from p2w.evaluation.scores.one_of import one_of
from p2w.evaluation.scores.verdict import WRONG, Verdict

# Each takes the score, texts that ended, and their samples with `response` and, for code, `tests`.
KINDS: Mapping[str, Callable[[Score, Sequence[str], pd.DataFrame], list[Verdict]]] = {
    "exact": exact,
    "normalized": normalized,
    "one_of": one_of,
    "number": number,
    "math": mathematics,
    "code": code,
}


def judge(
    score: Score, texts: Sequence[str], ended: Sequence[bool], samples: pd.DataFrame, execute_code: bool
) -> list[Verdict]:
    """A verdict for each of `texts`, the answers to `samples` in order; one that did not end by itself is invalid.

    Raises ValueError: a reference that cannot be compared with; code where `execute_code` does not allow to run it.
    Raises RuntimeError: code on a machine that cannot run it apart from everything else.
    """
    if score.kind == "code" and not execute_code:
        raise ValueError("evaluation.execute_code: found false, expected true: the score of this task runs answers")
    rows = np.flatnonzero(ended)
    verdicts = [WRONG] * len(texts)
    judged = KINDS[score.kind](score, [texts[row] for row in rows], samples.iloc[rows]) if len(rows) else []
    for row, verdict in zip(rows, judged, strict=True):
        verdicts[row] = verdict
    return verdicts
