"""Sequences of like length together, so that little of what is computed is padding."""

from collections.abc import Iterable, Iterator, Sequence


def by_length(lengths: Sequence[int], most_tokens: int, items: Iterable[int] | None = None) -> Iterator[list[int]]:
    """Positions in `lengths`, the shortest first, in batches of at most `most_tokens` with padding, or of one.

    Args:
        items: the positions that are wanted, when not all are; those of equal length keep this order.
    """
    batch: list[int] = []
    for item in sorted(range(len(lengths)) if items is None else items, key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[item] > most_tokens:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
