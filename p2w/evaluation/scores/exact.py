"""An answer is right when it is the reference, white space around it aside."""

from collections.abc import Sequence

import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.scores.verdict import Verdict


def exact(_: Score, texts: Sequence[str], samples: pd.DataFrame) -> list[Verdict]:
    pairs = zip(texts, samples["response"], strict=True)
    return [Verdict(text.strip() == reference.strip(), valid=True) for text, reference in pairs]
