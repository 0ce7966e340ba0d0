"""Every generator against every other source with all resampled, from predictions: tasks, seeds, draws and rows."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from p2w.evaluation.evaluation_file import read_sources
from p2w.evaluation.hierarchical import Difference, difference_over_tasks
from p2w.evaluation.source_names import METHOD, is_further, tabled
from p2w.report.document import table
from p2w.report.paper_numbers import share
from p2w.report.sentences import p_value, signed
from p2w.runtime.tables import read_table

Right = dict[str, np.ndarray]  # by source, (seeds, draws, rows) bool
Resampled = dict[str, dict[str, Difference]]  # by generator, by the other source

ALL = (
    "Mean differences over the held-out tasks, 95 % intervals and two-sided p of a hierarchical bootstrap that draws"
    " tasks, decoder seeds, draws of prompts and rows, each with replacement: what might come of other tasks like"
    " these, other seeds, prompts and rows. With few tasks it is somewhat narrow. Nothing is corrected for the number"
    " of comparisons."
)


def resample(predictions: Iterable[Path], seed: int) -> Resampled:
    """Generators against the sources that at least two held-out tasks have in common with them."""
    tasks = [_right(path) for path in predictions]
    names = tabled(name for right in tasks for name in right)
    generators = [name for name in names if name == METHOD or is_further(name)]
    return {name: _against(name, names, tasks, seed) for name in generators}


def resampled_section(resampled: Resampled) -> list[str]:
    """What the summary says of it; nothing where there is nothing to compare."""
    known = {name: found for name, found in resampled.items() if found}
    if not known:
        return []
    head = ("source", *(cell for name in known for cell in (f"`{name}` minus it", "95 %", "p")))
    others = dict.fromkeys(other for found in known.values() for other in found)
    rows = [(other, *(cell for found in known.values() for cell in _cells(found.get(other)))) for other in others]
    return ["### Tasks, seeds, draws and rows at once", table(head, rows), ALL]


def _right(path: Path) -> Right:
    return {name: source.right() for name, source in read_sources(read_table(path).to_pandas()).items()}


def _against(generator: str, names: Sequence[str], tasks: Sequence[Right], seed: int) -> dict[str, Difference]:
    pairs = {
        other: [(right[generator], right[other]) for right in tasks if {generator, other} <= right.keys()]
        for other in names
        if other != generator
    }
    return {other: difference_over_tasks(found, seed) for other, found in pairs.items() if len(found) > 1}


def _cells(found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return (share(None),) * 3
    low, high = found.interval
    return signed(found.mean), f"{signed(low)} to {signed(high)}", p_value(found.p)
