"""A ridge generator made small enough to ship: few directions in place of an adapter per task, in few bits.

What it makes of prompts is W(x) = mean + Rᵀ M (x - f). Its outputs are projected onto the leading right singular
vectors V (K, size) of what it makes of the training tasks' own prompts, less the mean: with c (K,) that give each row
of V the same largest value, R becomes c V, and M becomes V Rᵀ M / c. The result is a ridge generator like any other, of
K rows.
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
from p2w.runtime.four_bits import pack, unpack
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.runtime.seals import write_record
from p2w.using.describing import card, write_tasks
from p2w.using.generator_folder import CARD, SETTINGS, TASKS, WEIGHTS, read_settings, read_tasks

FOUR_BITS = "int4"
# What the directions are kept in; all else that is as large as an adapter is in float16.
PRECISIONS = {"float16": torch.float16, "float8": torch.float8_e4m3fn, FOUR_BITS: torch.float32}
LARGEST = 256.0  # value of a direction: float8_e4m3 has so much room above, and 17 powers of two below


def compact(ridge: Ridge, made: Tensor, rank: int, precision: str = "float16") -> tuple[Ridge, Tensor, Tensor]:
    """A generator of `rank` directions in a precision; the share of each task's adapter in each of them (tasks, rank);
    and each of them in each task's adapter (tasks, rank), which is what the directions hold of it.

    `made` (tasks, size) are the weights that it makes of each training task's prompts. Raises ValueError: more
    directions than the tasks have.
    """
    most = len(ridge.residuals) - 1  # the residuals sum to zero
    if not 1 <= rank <= most:
        raise ValueError(f"rank: found {rank}, expected 1 to {most} for {most + 1} training tasks")
    R, M = ridge.residuals.double(), ridge.mixing.double()
    V = torch.linalg.svd((made - ridge.weights_mean).double(), full_matrices=False).Vh[:rank]
    scale = LARGEST / V.abs().amax(1)
    own, directions = R @ V.T / scale, V * scale[:, None]
    shares = torch.linalg.lstsq(R @ R.T, R @ directions.T, driver="gelsd").solution
    small = replace(
        ridge,
        mixing=(own.T @ M).float().contiguous(),
        weights_mean=ridge.weights_mean.half(),
        residuals=_rounded(directions, precision),
    )
    return small, shares.float(), own.float()


def _rounded(directions: Tensor, precision: str) -> Tensor:
    """In the precision; four bits are packed by the file alone."""
    if precision == FOUR_BITS:
        return unpack(*pack(directions), directions.shape[1])
    return directions.to(PRECISIONS[precision]).contiguous()


def save_compact(path: Path, small: Ridge, precision: str) -> None:
    """Write a generator that `compact` made."""
    save_fitted(path, small, in_four_bits=["residuals"] if precision == FOUR_BITS else [])


def write_compact(
    folder: Path, embedding_paths: Sequence[Path], rank: int, output: Path, precision: str = "float16"
) -> None:
    """Write the folder of a small generator, given that of a ridge and the prompts of all of its training tasks.

    Raises ValueError: another kind of generator, or prompts of other tasks.
    """
    ridge, tasks, settings = load_generator(folder / WEIGHTS), read_tasks(folder), read_settings(folder)
    if not isinstance(ridge, Ridge):
        raise ValueError(f"{folder}: found a {type(ridge).__name__}, expected a ridge generator")
    paths = {read_embeddings_metadata(path)["task"]: path for path in embedding_paths}
    if sorted(paths) != list(tasks.names):
        raise ValueError(f"found prompts of {sorted(paths)}, expected those of the training tasks {list(tasks.names)}")
    made = torch.stack([made_of_all(ridge, paths[task]) for task in tasks.names])
    small, mixture, own = compact(ridge, made, rank, precision)
    known = replace(tasks, constant=None, mixture=mixture, own=own)  # of no prompt it makes its mean adapter
    settled = {"rank": rank, "precision": precision}
    record = provenance("compact_generator", settled, [folder / WEIGHTS, *embedding_paths])
    with transaction():
        write_record(output / RUN_FILE, {**small.metadata, "compact": record})
        write_json(output / SETTINGS, settings.given())
        write_tasks(output / TASKS, known, record)
        save_compact(output / WEIGHTS, small, precision)
    write_text(output / CARD, card(output / WEIGHTS, small, settings, known, record))  # it has the hash of the weights


def made_of_all(ridge: Ridge, path: Path) -> Tensor:
    """Flat weights (size,) that it makes of all prompts in a file."""
    prompts = read_embeddings(path)
    return ridge.weights(prompts.gather(torch.arange(len(prompts))))
