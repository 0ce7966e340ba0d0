"""What an experiment's numbers say, in sentences that are computed from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from p2w.evaluation.source_names import METHOD, NO_DECODER, OTHER_PROMPTS
from p2w.report.comparisons import Mean, of_task, over_tasks
from p2w.report.paper_numbers import share

Evaluation = Mapping[str, Any]

LARGE = 0.05  # a gain below this is not worth taking apart
SIGNIFICANT = 0.05  # p over tasks, from which on a difference is one of these tasks alone
ONE_ANSWER = 0.9  # share of answers at one position from which on a source "always says the same"


def values(evaluations: Sequence[Evaluation], source: str, metric: str = "accuracy") -> list[float | None]:
    """A metric of a source on each held-out task; None where it was not taken."""
    return [evaluation["sources"].get(source, {}).get(metric) for evaluation in evaluations]


def mean(found: Sequence[float | None]) -> float | None:
    """Mean of the numbers that are known; None if none is."""
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known else None


def _mean(evaluations: Sequence[Evaluation], source: str, metric: str = "accuracy") -> float | None:
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


def findings(evaluations: Sequence[Evaluation]) -> list[str]:
    """Sentences on what the evaluations of one experiment show, and on what they cannot."""
    if _mean(evaluations, METHOD) is None:
        return ["Nothing generated was evaluated: there is nothing to say about the method."]
    parts = (
        _headline(evaluations),
        _by_task(evaluations),
        _form(evaluations),
        _conditioning(evaluations),
        _without_decoder(evaluations),
        _ceiling(evaluations),
        *(_one_answer(evaluation) for evaluation in evaluations),
        _spread(evaluations),
    )
    return [part for part in parts if part]


def _headline(evaluations: Sequence[Evaluation]) -> str:
    chance = sum(evaluation["chance"] for evaluation in evaluations) / len(evaluations)
    text = (
        f"Over {_count(len(evaluations), 'held-out task')}, `{METHOD}` is right in {_mean(evaluations, METHOD):.3f} of"
        f" the rows{f'; a guess among the choices in {chance:.3f}' if chance else ''}"
    )
    base = over_tasks(evaluations, "base")
    if base is None:
        return f"{text}. The base model was not evaluated."
    verdict = {1: "The adapters help", 0: "Whether the adapters help is open", -1: "The adapters do harm"}[base.sign]
    return f"{text}, the base model in {_mean(evaluations, 'base'):.3f}. {verdict} ({interval(base)})."


def _by_task(evaluations: Sequence[Evaluation]) -> str:
    found = {e["held_out"]: of_task(e, "base") for e in evaluations}
    known = {task: difference for task, difference in found.items() if difference and difference.interval}
    if not known:
        return ""
    failed = [e for e in evaluations if e["held_out"] in known and known[e["held_out"]].sign < 1]
    if not failed:
        return f"`{METHOD}` beats `base` on {'every one of them' if len(known) > 1 else known.popitem()[0]}."
    listed = ", ".join(_against_base(evaluation) for evaluation in failed)
    return f"It beats `base` on {len(known) - len(failed)} of {len(known)} tasks; it does not on {listed}."


def _against_base(evaluation: Evaluation) -> str:
    sources, chance = evaluation["sources"], evaluation["chance"]
    ours = sources[METHOD]
    text = f"{evaluation['held_out']} ({ours['accuracy']:.3f} against {sources['base']['accuracy']:.3f}"
    if ours["accuracy"] < chance:
        text += f", below the {chance:.3f} of a guess with {1 - ours['valid']:.0%} of the answers not in the form asked"
    return text + ")"


def _form(evaluations: Sequence[Evaluation]) -> str:
    """How much of the gain over the base model is in the form of the answer, where there are choices."""
    evaluations = [e for e in evaluations if "choice_accuracy" in e["sources"].get(METHOD, {})]
    metrics = ("accuracy", "valid", "choice_accuracy")
    ours, base = ([_mean(evaluations, source, metric) for metric in metrics] for source in (METHOD, "base"))
    if None in (*ours, *base) or ours[0] - base[0] < LARGE:
        return ""
    said = (
        f"answers in the form asked go from {base[1]:.3f} to {ours[1]:.3f}, while the most likely of the answers on"
        f" offer is right in {base[2]:.3f} of the rows without and {ours[2]:.3f} with the adapters"
    )
    if ours[2] - base[2] < (ours[0] - base[0]) / 4:
        return f"The gain is one of form, hardly of knowledge: {said}."
    return f"The gain is not one of form alone: {said}."


def _conditioning(evaluations: Sequence[Evaluation]) -> str:
    found = _differences(evaluations, OTHER_PROMPTS)
    if not found:
        return "No decoder was given other prompts: whether conditioning on prompts matters cannot be said."
    if all(difference.interval and difference.sign == 0 for difference in found.values()):
        return (
            f"Conditioning on the task's prompts adds nothing measurable here: `{METHOD}` is right in"
            f" {_mean(evaluations, METHOD):.3f} of the rows with them, and in {_listed(evaluations, found)}; the 95 %"
            " interval of every difference includes 0."
        )
    return "The task's own prompts against other ones: " + _verdicts(found) + "."


def _without_decoder(evaluations: Sequence[Evaluation]) -> str:
    found = _differences(evaluations, NO_DECODER[1:])
    if not found:
        return "No adapter made without a decoder was evaluated: whether the decoder is worth its cost cannot be said."
    return "Against adapters that need no decoder: " + _verdicts(found) + "."


def _differences(evaluations: Sequence[Evaluation], others: Sequence[str]) -> dict[str, Mean]:
    found = {other: over_tasks(evaluations, other) for other in others}
    return {other: difference for other, difference in found.items() if difference}


def _verdicts(found: Mapping[str, Mean]) -> str:
    return "; ".join(
        f"{_verdict(difference)} `{other}` ({interval(difference)}{_other_tasks(difference)})"
        for other, difference in found.items()
    )


def _verdict(difference: Mean) -> str:
    """What an interval says; of these tasks alone, unless others like them would show it too."""
    if difference.interval is None or not difference.sign:
        return "no measurable difference to" if difference.interval else "difference to"
    only_here = "" if difference.p is None or difference.p < SIGNIFICANT else "on these tasks "
    return f"`{METHOD}` is {'better' if difference.sign > 0 else 'worse'} {only_here}than"


def _other_tasks(difference: Mean) -> str:
    if difference.p is None:
        return ""
    return f"; for other tasks p {'' if difference.p < 0.001 else '= '}{p_value(difference.p)}"


def _listed(evaluations: Sequence[Evaluation], found: Mapping[str, Mean]) -> str:
    return ", ".join(f"{_mean(evaluations, other):.3f} (`{other}`)" for other in found)


def _ceiling(evaluations: Sequence[Evaluation]) -> str:
    both = [e for e in evaluations if {"base", "target_trained"} <= set(e["sources"])]
    ours, base, top = (_mean(both, source) for source in (METHOD, "base", "target_trained"))
    if not both or top - base < LARGE:
        return ""
    share = (ours - base) / (top - base)
    return f"Of the way from `base` ({base:.3f}) to `target_trained` ({top:.3f}), `{METHOD}` goes {share:.0%}."


def _one_answer(evaluation: Evaluation) -> str:
    """Whether the generated adapters give one position's answer to nearly every row."""
    confusion = evaluation["sources"].get(METHOD, {}).get("confusion")
    if not confusion:
        return ""
    total = sum(map(sum, confusion))
    given = [sum(row[position] for row in confusion) for position in range(len(confusion[0]) - 1)]
    most = max(range(len(given)), key=given.__getitem__)
    right = sum(confusion[most]) / total if most < len(confusion) else 0.0
    if given[most] / total < ONE_ANSWER or right > ONE_ANSWER:
        return ""
    return (
        f"On {evaluation['held_out']}, `{METHOD}` gives answer number {most + 1} to {given[most] / total:.0%} of the"
        f" rows; it is the right one for {right:.0%}."
    )


def _spread(evaluations: Sequence[Evaluation]) -> str:
    kinds = {"std_over_draws": "draws of prompts", "std_over_seeds": "decoder seeds"}
    said = []
    for key, words in kinds.items():
        values = {e["held_out"]: e["sources"][METHOD].get(key) for e in evaluations if METHOD in e["sources"]}
        known = {task: value for task, value in values.items() if value is not None}
        if known:
            task = max(known, key=known.__getitem__)
            said.append(f"between {words} {known[task]:.3f} at most ({task})")
    return f"Standard deviation of the accuracy {' and '.join(said)}." if said else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
