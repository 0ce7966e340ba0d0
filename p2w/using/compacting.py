"""A ridge generator made small enough to ship: few directions in place of an adapter per task, in half precision.

What it makes of prompts is W(x) = mean + Rᵀ M (x - f). With the features X of the training tasks, centred, the rows of
M Xᵀ R are what it makes of their own prompts; its outputs are projected onto the leading right singular vectors V (K,
size) of that: R becomes V, and M becomes V Rᵀ M. The result is a ridge generator like any other, of K rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from p2w.generators.features import task_features
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


def compact(ridge: Ridge, X: Tensor, rank: int) -> tuple[Ridge, Tensor]:
    """A generator of `rank` directions in float16, and the share of each task's adapter in each of them (tasks, rank).

    X (tasks, d) are the features of the training tasks, in the order of its rows. Raises ValueError: more directions
    than tasks.
    """
    most = len(ridge.residuals) - 1  # the residuals sum to zero
    if not 1 <= rank <= most:
        raise ValueError(f"rank: found {rank}, expected 1 to {most} for {most + 1} training tasks")
    R, M = ridge.residuals.double(), ridge.mixing.double()
    made = M @ (X.double() - ridge.features.double()).T
    V = torch.linalg.svd(made.T @ R, full_matrices=False).Vh[:rank]
    shares = torch.linalg.lstsq(R @ R.T, R @ V.T, driver="gelsd").solution
    small = replace(ridge, mixing=V @ R.T @ M, residuals=V)
    return replace(small, **{name: getattr(small, name).half().contiguous() for name in PARTS}), shares.float()


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
    X = torch.stack([task_features(read_embeddings(paths[task]), ridge.positions) for task in tasks.names])
    small, mixture = compact(ridge, X, rank)
    known = replace(tasks, mixture=mixture)
    record = provenance("compact_generator", {"rank": rank}, [folder / WEIGHTS, *embedding_paths])
    with transaction():
        write_record(output / RUN_FILE, {**small.metadata, "compact": record})
        write_json(output / SETTINGS, settings.given())
        write_tasks(output / TASKS, known, record)
        save_fitted(output / WEIGHTS, small)
    write_text(output / CARD, card(output / WEIGHTS, small, settings, known, record))  # it has the hash of the weights
