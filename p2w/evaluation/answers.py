"""What counts as an answer: strictly, just one of the responses on offer; officially, what the published scorer took.

docs/evaluation.md has both rules as a table of texts.
"""

import re
from collections.abc import Sequence

INVALID = -1

# In the order in which the published scorer looks for them.
_TRUTH = ("True", "False", "false", "true")
_OPTIONS, _DIGITS = "ABCD", "1234"


def parse_answer(text: str, responses: Sequence[str]) -> int:
    """Position of the response that `text` is, white space around it aside; `INVALID` for anything else.

    Strict on purpose: "C", "Answer: [C]" and "[C] because" are not "[C]". Being valid and being right are reported
    apart, so strictness hides nothing. No text is no answer, and a response that two choices share chooses neither.
    """
    said = text.strip()
    found = [position for position, response in enumerate(responses) if response.strip() == said]
    return found[0] if said and len(found) == 1 else INVALID


def officially_right(text: str, gold: str) -> bool:
    """Whether the scorer that the paper's numbers came from counts `text` as the response `gold`.

    Behaviour of jerryliang24/Drag-and-Drop-LLMs, commit 60e2192, prepare/scripts/calculate_acc.py, with its quirks: the
    first 20 characters, a letter only as the second one ("(C)" and " C", not "C"), a digit read as a letter although
    the right response may be "[3]", "True." and " True" wrong but " False" readable. One deviation: it takes the branch
    for true and false where a file name says "BoolQ"; here the right response says so. It knows only responses such as
    "[C]" and "[True]"; where the task wants other words it hardly ever counts anything as right.
    """
    head = text[:20]
    truth = gold.strip("[]").lower()
    if truth in ("true", "false"):
        return _official_truth(head).lower() == truth
    letter = _official_letter(head)
    return letter != "" and letter == gold[1:2]


def _official_truth(head: str) -> str:
    said = head.split("ns: ")[-1].split("\n")[0]
    if len(said) > 5:
        return next((word for word in _TRUTH if word in said), "")
    return said if said in _TRUTH else ""


def _official_letter(head: str) -> str:
    """The letter that stands second in `head`, or what is in brackets if the second character opens one, or ""."""
    second = head[1:2]
    if second == "[":
        bracketed = re.search(r"\[(.*?)\]", head)
        return bracketed.group(1) if bracketed else ""
    if second and second in _DIGITS:
        return _OPTIONS[_DIGITS.index(second)]
    return second if second in _OPTIONS else ""
