"""An answer is right when math-verify finds its expression equal to the reference's."""

import json
import subprocess
import sys
from collections.abc import Sequence

import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.scores import math_worker
from p2w.evaluation.scores.verdict import Verdict
from p2w.evaluation.scores.workers import spread, workers


def mathematics(_: Score, texts: Sequence[str], samples: pd.DataFrame) -> list[Verdict]:
    """ValueError where a reference has no expression. An answer that takes long to compare is wrong."""
    pairs = list(zip(samples["response"], texts, strict=True))
    count = min(workers(), len(pairs))
    verdicts: list[str] = [""] * len(pairs)
    for start, found in enumerate(spread(_compare, [pairs[start::count] for start in range(count)])):
        verdicts[start::count] = found
    if "?" in verdicts:
        reference = pairs[verdicts.index("?")][0]
        raise ValueError(f"found no expression in the reference {reference[-80:]!r}, expected one to compare with")
    return [Verdict(right=verdict == "right", valid=verdict != "none") for verdict in verdicts]


def _compare(pairs: Sequence[tuple[str, str]]) -> list[str]:
    command = [sys.executable, "-P", math_worker.__file__]
    done = subprocess.run(command, input=json.dumps(pairs), capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"math-verify: found {done.stderr.strip()[-200:]!r}, expected verdicts")
    return done.stdout.split()
