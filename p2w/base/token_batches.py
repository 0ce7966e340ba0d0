"""Sequences of like length together, so that little of what is computed is padding."""

from collections.abc import Iterator, Mapping

OWN_COST = 64  # in tokens, what a piece takes beside its own, as measured with SmolLM2 on a CPU


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


def pieces(lengths: Mapping[int, int], most_tokens: float, own: int) -> list[list[int]]:
    """As `by_length`, but cut where least is computed, padding included, if a piece costs `own` tokens beside its own.

    Sequences of one length stay together up to the limit; where lengths differ much, pieces are small.
    """
    order = sorted(lengths, key=lengths.__getitem__)
    best, starts = [0], [0]  # of the first so many sequences: the least cost, and where their last piece begins
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        computed = {start: (end - start) * longest for start in range(end)}
        allowed = [start for start in computed if computed[start] <= most_tokens or start == end - 1]
        cost = {start: best[start] + own + computed[start] for start in allowed}
        starts.append(min(cost, key=cost.__getitem__))
        best.append(cost[starts[-1]])
    found, end = [], len(order)
    while end:
        found.append(order[starts[end] : end])
        end = starts[end]
    return found[::-1]
