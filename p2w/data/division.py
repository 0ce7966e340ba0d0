"""One file for training and test: which rows are which depends on their ids alone, not on their order."""

import hashlib
from collections.abc import Sequence

TEST_SHARE = 5  # one row in so many is for the test


def divided(ids: Sequence[str], labelled: Sequence[bool], split: str) -> list[int]:
    """Positions of a split's rows: for `test` the labelled ones whose ids have the lowest hashes, for `train` the rest.

    Raises ValueError: too few rows to divide; names found and expected.
    """
    known = [position for position, has_answer in enumerate(labelled) if has_answer]
    if len(ids) < 2 or (split == "test" and not known):
        raise ValueError(f"found {len(ids)} rows, {len(known)} of them with an answer, expected at least 2 rows and an "
                         "answer, to divide them into train and test")  # fmt: skip
    known.sort(key=lambda position: hashlib.sha256(ids[position].encode()).digest())
    test = set(known[: max(1, len(known) // TEST_SHARE)])
    return [position for position in range(len(ids)) if (position in test) == (split == "test")]
