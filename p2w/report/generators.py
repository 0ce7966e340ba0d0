"""An experiment's further generators, which stand beside `generated` in its evaluation files under their own kinds."""

from collections.abc import Mapping, Sequence
from typing import Any

from p2w.config.generator import KINDS
from p2w.evaluation.source_names import MEANING
from p2w.report.sentences import counted


def further_generators(evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Their names, each once, in the order of the evaluations."""
    return list(dict.fromkeys(name for evaluation in evaluations for name in evaluation.get("comparisons_of", {})))


def meaning(source: str) -> str:
    """What a source is, in a few words; empty for one that P2W does not know."""
    return f"a further generator: {KINDS[source].meaning}" if source in KINDS else MEANING.get(source, "")


def drawn(source: str, result: Mapping[str, Any]) -> str:
    """From how many seeds and draws of prompts a source's adapters come; what has no seed is fitted once."""
    draws = counted(result["draws"], "draw")
    if "seeds" in result:
        return f"{result['seeds']} seeds of {draws}"
    return f"{draws}{' of one fit' if source in KINDS and not KINDS[source].seeded else ''}"
