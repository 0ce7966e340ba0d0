"""What an experiment's numbers say, in sentences that are computed from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from p2w.evaluation.source_names import METHOD, NO_DECODER, OTHER_PROMPTS
from p2w.report.comparisons import Mean, of_task, over_tasks
from p2w.report.generators import drawn, further_generators
from p2w.report.sentences import counted, differences, interval, mean_of, verdicts

Evaluation = Mapping[str, Any]

LARGE = 0.05  # a gain below this is not worth taking apart
ONE_ANSWER = 0.9  # share of answers at one position from which on a source "always says the same"


def findings(evaluations: Sequence[Evaluation]) -> list[str]:
    """Sentences on what the evaluations of one experiment show, and on what they cannot."""
    if mean_of(evaluations, METHOD) is None:
        return ["Nothing generated was evaluated: there is nothing to say about the method."]
    parts = (
        _headline(evaluations),
        _by_task(evaluations),
        _form(evaluations),
        _conditioning(evaluations),
        _without_generator(evaluations),
        *(_further(evaluations, generator) for generator in further_generators(evaluations)),
        _ceiling(evaluations),
        *(_one_answer(evaluation) for evaluation in evaluations),
        _spread(evaluations),
    )
    return [part for part in parts if part]


def _headline(evaluations: Sequence[Evaluation]) -> str:
    chance = sum(evaluation["chance"] for evaluation in evaluations) / len(evaluations)
    text = (
        f"Over {counted(len(evaluations), 'held-out task')}, `{METHOD}` is right in"
        f" {mean_of(evaluations, METHOD):.3f} of the rows"
        f"{f'; a guess among the choices in {chance:.3f}' if chance else ''}"
    )
    base = over_tasks(evaluations, "base")
    if base is None:
        return f"{text}. The base model was not evaluated."
    verdict = {1: "The adapters help", 0: "Whether the adapters help is open", -1: "The adapters do harm"}[base.sign]
    return f"{text}, the base model in {mean_of(evaluations, 'base'):.3f}. {verdict} ({interval(base)})."


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
    ours, base = ([mean_of(evaluations, source, metric) for metric in metrics] for source in (METHOD, "base"))
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
    found = differences(evaluations, OTHER_PROMPTS)
    if not found:
        return "No generator was given other prompts: whether conditioning on prompts matters cannot be said."
    if all(difference.interval and difference.sign == 0 for difference in found.values()):
        return (
            f"Conditioning on the task's prompts adds nothing measurable here: `{METHOD}` is right in"
            f" {mean_of(evaluations, METHOD):.3f} of the rows with them, and in {_listed(evaluations, found)}; the 95 %"
            " interval of every difference includes 0."
        )
    return "The task's own prompts against other ones: " + verdicts(found) + "."


def _without_generator(evaluations: Sequence[Evaluation]) -> str:
    found = differences(evaluations, NO_DECODER[1:])
    if not found:
        return "No adapter made without a generator was evaluated: whether it is worth its cost cannot be said."
    return "Against adapters that need no generator: " + verdicts(found) + "."


def _further(evaluations: Sequence[Evaluation], generator: str) -> str:
    """A further generator against the base model, what needs no generator, and the main generator."""
    result = next(e["sources"][generator] for e in evaluations if generator in e["sources"])
    found = differences(evaluations, ("base", *NO_DECODER[1:], METHOD), generator)
    return (
        f"`{generator}` ({drawn(generator, result)}) is right in {mean_of(evaluations, generator):.3f} of the rows:"
        f" {verdicts(found, generator)}."
    )


def _listed(evaluations: Sequence[Evaluation], found: Mapping[str, Mean]) -> str:
    return ", ".join(f"{mean_of(evaluations, other):.3f} (`{other}`)" for other in found)


def _ceiling(evaluations: Sequence[Evaluation]) -> str:
    both = [e for e in evaluations if {"base", "target_trained"} <= set(e["sources"])]
    ours, base, top = (mean_of(both, source) for source in (METHOD, "base", "target_trained"))
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
