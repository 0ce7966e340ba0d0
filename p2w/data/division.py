"""One file is divided into train and test: by the hash of a row's id, and never between rows that ask the same."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

TEST_SHARE = 5  # one row in so many is for the test


def digest(values: Iterable[Any]) -> str:
    """16 hex digits that say what some cells hold."""
    text = "\x1f".join(str(value).strip() for value in values)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def divided(ids: Sequence[str], asked: Sequence[str], labelled: Sequence[bool], split: str) -> list[int]:
    """Positions of a split's rows: for `test` the labelled ones whose ids have the lowest hashes, for `train` the rest.

    Rows with the same `asked` go together, by the least of their ids; one without an answer to what the test asks is in
    neither. Raises ValueError: too few rows to divide; names found and expected.
    """
    names: dict[str, str] = {}
    for name, question in zip(ids, asked, strict=True):
        names[question] = min(name, names.get(question, name))
    known = Counter(question for question, has_answer in zip(asked, labelled, strict=True) if has_answer)
    if len(names) < 2 or (split == "test" and not known):
        raise ValueError(
            f"found {len(ids)} rows with {len(names)} distinct questions, {known.total()} of them with an answer, "
            "expected at least 2 questions and an answer, to divide them into train and test"
        )
    test: Counter[str] = Counter()
    for question in sorted(known, key=lambda question: hashlib.sha256(names[question].encode()).digest()):
        if test and test.total() + known[question] > max(1, known.total() // TEST_SHARE):
            break
        test[question] = known[question]
    if split == "test":
        return [row for row, question in enumerate(asked) if question in test and labelled[row]]
    return [row for row, question in enumerate(asked) if question not in test]
