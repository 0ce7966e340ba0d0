"""What counts as an answer: exactly one of the responses that the prompt offers, nothing else around it."""

from collections.abc import Sequence

INVALID = -1


def parse_answer(text: str, responses: Sequence[str]) -> int:
    """Position of the response that `text` is, white space around it aside; `INVALID` for anything else.

    Strict on purpose: "C", "Answer: [C]" and "[C] because" are not "[C]". Being valid and being right are reported
    apart, so strictness hides nothing.
    """
    found = [position for position, response in enumerate(responses) if response.strip() == text.strip()]
    return found[0] if found else INVALID
