"""A ridge generator made small enough to ship: few directions in place of an adapter per task, in half precision.

What it makes of prompts is W(x) = mean + Rᵀ M (x - f). Its outputs are projected onto the leading right singular
vectors V (K, size) of what it makes of the training tasks' own prompts, less the mean: R becomes V, and M becomes V Rᵀ
M. The result is a ridge generator like any other, of K rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from p2w.generators.fitted_file import save_fitted
from p2w.generators.generator_file import load_generator
from p2w.generators.ridge import Ridge
from p2w.prompts.states import read_embeddings, read_embeddings_metadata
from p2w.runtime.files import transaction, write_json, write_text
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.runtime.seals import write_record
from p2w.using.describing import card, write_tasks
from p2w.using.generator_folder import CARD, SETTINGS, TASKS, WEIGHTS, read_settings, read_tasks

PARTS = ("features", "mixing", "weights_mean", "residuals")


def compact(ridge: Ridge, made: Tensor, rank: int) -> tuple[Ridge, Tensor, Tensor]:
    """A generator of `rank` directions in float16; the share of each task's adapter in each of them (tasks, rank); and
    each of them in each task's adapter (tasks, rank), which is what the directions hold of it.

    `made` (tasks, size) are the weights that it makes of each training task's prompts. Raises ValueError: more
    directions than the tasks have.
    """
    most = len(ridge.residuals) - 1  # the residuals sum to zero
    if not 1 <= rank <= most:
        raise ValueError(f"rank: found {rank}, expected 1 to {most} for {most + 1} training tasks")
    R, M = ridge.residuals.double(), ridge.mixing.double()
    V = torch.linalg.svd((made - ridge.weights_mean).double(), full_matrices=False).Vh[:rank]
    own = R @ V.T
    shares = torch.linalg.lstsq(R @ R.T, own, driver="gelsd").solution
    small = replace(ridge, mixing=V @ R.T @ M, residuals=V)
    halves = {name: getattr(small, name).half().contiguous() for name in PARTS}
    return replace(small, **halves), shares.float(), own.float()


def write_compact(folder: Path, embedding_paths: Sequence[Path], rank: int, output: Path) -> None:
    """Write the folder of a small generator, given that of a ridge and the prompts of all of its training tasks.

    Raises ValueError: another kind of generator, or prompts of other tasks.
    """
    ridge, tasks, settings = load_generator(folder / WEIGHTS), read_tasks(folder), read_settings(folder)
    if not isinstance(ridge, Ridge):
        raise ValueError(f"{folder}: found a {type(ridge).__name__}, expected a ridge generator")
    paths = {read_embeddings_metadata(path)["task"]: path for path in embedding_paths}
    if sorted(paths) != list(tasks.names):
        raise ValueError(f"found prompts of {sorted(paths)}, expected those of the training tasks {list(tasks.names)}")
    made = torch.stack([_made_of_all(ridge, paths[task]) for task in tasks.names])
    small, mixture, own = compact(ridge, made, rank)
    known = replace(tasks, mixture=mixture, own=own)
    record = provenance("compact_generator", {"rank": rank}, [folder / WEIGHTS, *embedding_paths])
    with transaction():
        write_record(output / RUN_FILE, {**small.metadata, "compact": record})
        write_json(output / SETTINGS, settings.given())
        write_tasks(output / TASKS, known, record)
        save_fitted(output / WEIGHTS, small)
    write_text(output / CARD, card(output / WEIGHTS, small, settings, known, record))  # it has the hash of the weights


def _made_of_all(ridge: Ridge, path: Path) -> Tensor:
    """Flat weights (size,) that it makes of all prompts in a file."""
    prompts = read_embeddings(path)
    return ridge.weights(prompts.gather(torch.arange(len(prompts))))
