"""An answer is right when it is a program that passes the row's tests: pass@1 as for HumanEval and MBPP."""

import re
from collections.abc import Sequence

import pandas as pd

from p2w.config.scoring import Score
from p2w.evaluation.scores.sandbox import check_sandbox, run_program
from p2w.evaluation.scores.verdict import Verdict
from p2w.evaluation.scores.workers import spread

FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
ANSWER_LINE = re.compile(r"^# answer$\n?", re.MULTILINE)


def find_code(text: str) -> str:
    """What stands between the first two fences, or the whole text where there is none."""
    fenced = FENCE.search(text)
    return fenced[1] if fenced else text


def assemble(text: str, tests: str) -> tuple[str, str]:
    """The answer as a program, after what `tests` has before its line "# answer", and the tests after it.

    After HumanEval's prompt, which ends within the function, an answer may go on with the body or repeat all.
    """
    parts = ANSWER_LINE.split(tests, maxsplit=1)
    return "\n".join([*(part.rstrip() for part in parts[:-1]), find_code(text)]), parts[-1]


def code(_: Score, texts: Sequence[str], samples: pd.DataFrame) -> list[Verdict]:
    """An answer that does not compile is invalid; RuntimeError where programs cannot be run apart."""
    check_sandbox()
    programs = [assemble(text, tests) for text, tests in zip(texts, samples["tests"], strict=True)]
    outcomes = spread(lambda program: run_program(*program), programs)
    return [Verdict(right=outcome.passed, valid=outcome.compiled) for outcome in outcomes]
