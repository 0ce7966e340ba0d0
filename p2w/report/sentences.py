"""Parts of sentences about sources: numbers, differences, and what may be said of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from p2w.evaluation.source_names import METHOD
from p2w.report.comparisons import Mean, over_tasks
from p2w.report.paper_numbers import share

Evaluation = Mapping[str, Any]

SIGNIFICANT = 0.05  # p over tasks, from which on a difference is one of these tasks alone


def values(evaluations: Sequence[Evaluation], source: str, metric: str = "accuracy") -> list[float | None]:
    """A metric of a source on each held-out task; None where it was not taken."""
    return [evaluation["sources"].get(source, {}).get(metric) for evaluation in evaluations]


def mean(found: Sequence[float | None]) -> float | None:
    """Mean of the numbers that are known; None if none is."""
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known else None


def mean_of(evaluations: Sequence[Evaluation], source: str, metric: str = "accuracy") -> float | None:
    """Mean of a metric of a source over the held-out tasks that have it; None if none has."""
    return mean(values(evaluations, source, metric))


def signed(value: float) -> str:
    """A difference with its sign; no negative zero."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def interval(difference: Mean) -> str:
    """`+0.012, 95 % interval -0.003 to +0.027`."""
    if difference.interval is None:
        return f"{signed(difference.mean)}, interval unknown"
    low, high = difference.interval
    return f"{signed(difference.mean)}, 95 % interval {signed(low)} to {signed(high)}"


def p_value(p: float | None) -> str:
    """A p as tables show it."""
    return "< 0.001" if p is not None and p < 0.001 else share(p)


def differences(evaluations: Sequence[Evaluation], others: Sequence[str], generator: str = METHOD) -> dict[str, Mean]:
    """A generator minus each of the others that was evaluated."""
    found = {other: over_tasks(evaluations, other, generator) for other in others}
    return {other: difference for other, difference in found.items() if difference}


def verdicts(found: Mapping[str, Mean], generator: str = METHOD) -> str:
    """What is said of a generator minus others."""
    return "; ".join(
        f"{_verdict(difference, generator)} `{other}` ({interval(difference)}{_other_tasks(difference)})"
        for other, difference in found.items()
    )


def _verdict(difference: Mean, generator: str) -> str:
    """What an interval says; of these tasks alone, unless others like them would show it too."""
    if difference.interval is None or not difference.sign:
        return "no measurable difference to" if difference.interval else "difference to"
    only_here = "" if difference.p is None or difference.p < SIGNIFICANT else "on these tasks "
    return f"`{generator}` is {'better' if difference.sign > 0 else 'worse'} {only_here}than"


def _other_tasks(difference: Mean) -> str:
    if difference.p is None:
        return ""
    return f"; for other tasks p {'' if difference.p < 0.001 else '= '}{p_value(difference.p)}"


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
