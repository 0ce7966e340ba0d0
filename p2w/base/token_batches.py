"""Sequences of like length together, so that little of what is computed is padding."""

from collections.abc import Iterator, Mapping


def by_length(lengths: Mapping[int, int], most_tokens: int) -> Iterator[list[int]]:
    """Numbers of sequences, given the length of each, in batches of at most `most_tokens` with padding, or of one.

    The shortest come first; those of equal length in the order in which they are given.
    """
    batch: list[int] = []
    for item in sorted(lengths, key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[item] > most_tokens:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
