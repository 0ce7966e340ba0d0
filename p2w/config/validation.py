"""How much of a training task is kept apart, so that a generator's states can be compared on what it did not learn."""


def kept_apart(count: int, share: float) -> int:
    """Of so many prompts, checkpoints or samples of a task; at least one unless the share is 0."""
    return max(1, round(count * share)) if share else 0


def least(wanted: int, share: float) -> int:
    """The smallest number of which `wanted` remain."""
    count = wanted
    while count - kept_apart(count, share) < wanted:
        count += 1
    return count
