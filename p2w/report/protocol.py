"""How the numbers of a summary came about, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from p2w.evaluation.source_names import METHOD
from p2w.report.generators import drawn, further_generators

Evaluation = Mapping[str, Any]


def protocol(evaluations: Sequence[Evaluation]) -> str:
    """What was scored, what generators saw and how many adapters they made."""
    counts = {(e["n"], e["split"]) for e in evaluations}
    rows = ", ".join(f"{e['held_out']} {e['n']} ({e['split']})" for e in evaluations)
    if len(counts) == 1:
        rows = "{} {} rows of each held-out task".format(*counts.pop())
    seeds = {e["provenance"]["seed"] for e in evaluations if "provenance" in e}
    drawn = [e["sources"][METHOD] for e in evaluations if METHOD in e["sources"]]
    draws = {result["draws"] for result in drawn if "draws" in result}
    decoders = {result.get("seeds", 1) for result in drawn}
    made = f"`{METHOD}` is {_any_of(draws)} draws of prompts from each of {_any_of(decoders)} decoder seeds. "
    made += _made_beside(evaluations)
    return (
        f"Scored: {rows}. Every source answers the same rows with the same prompts, under the base model's own"
        f" chat template, greedily. {_what_counts(evaluations)}"
        " The decoder of a held-out task sees adapters and prompts of other tasks only."
        f"{_together(evaluations)} {made if drawn else ''}It is given unlabelled prompts of the held-out task's train"
        " split, never a test row, and trains for a fixed number of steps."
        f" Seed of the experiment: {_any_of(seeds)}. Nothing is chosen by a score on these rows"
        + (" but `best_trained`." if any("best_trained" in e["sources"] for e in evaluations) else ".")
    )


def _what_counts(evaluations: Sequence[Evaluation]) -> str:
    free = [e["held_out"] for e in evaluations if "answer" in e.get("majority", {})]
    said = [
        "An answer counts if it is exactly one of the responses that the prompt asks for, white space around it aside"
        " (`valid`); choice accuracy takes the most likely of these responses instead.",
        f"Answers to {', '.join(free)} are free: valid if the model ended them and they can be read, and right by the"
        " task's score.",
    ]
    return " ".join(said[len(free) == len(evaluations) : 2 if free else 1])


def _together(evaluations: Sequence[Evaluation]) -> str:
    """Which of the tasks no decoder of another one saw."""
    names = [evaluation["held_out"] for evaluation in evaluations]
    seen = {e["held_out"]: e["overlap"]["tasks"] if e.get("overlap") else names for e in evaluations}
    groups = {tuple(other for other in names if other == name or other not in seen[name]) for name in names}
    listed = "; ".join(", ".join(group) for group in sorted(groups) if len(group) > 1)
    return f" Held out together, so that none was seen: {listed}." if listed else ""


def _made_beside(evaluations: Sequence[Evaluation]) -> str:
    """How many adapters the further generators made."""
    sources = {name: result for evaluation in evaluations for name, result in evaluation["sources"].items()}
    said = [f"`{name}` {drawn(name, sources[name])}" for name in further_generators(evaluations)]
    return f"Beside it, of the same prompts: {', '.join(said)}. " if said else ""


def _any_of(values: set[int]) -> str:
    return " or ".join(map(str, sorted(values))) or "an unknown number of"
