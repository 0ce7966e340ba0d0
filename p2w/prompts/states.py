"""Prompts as the decoder reads them: token states of a task's prompts, in a table and in memory, without padding."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from p2w.config.encoder import PromptEncoder
from p2w.runtime.tables import PLAIN, read_metadata, read_table, write_table


def prompt_key(text: str) -> str:
    """What a prompt is known by: the sha256 of its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def states_array(states: Sequence[np.ndarray]) -> pa.ListArray:
    """Ragged (length, dim) arrays as list<fixed_size_list<half>[dim]>."""
    dim = states[0].shape[1]
    values = pa.array(np.concatenate(states).astype(np.float16).reshape(-1))
    offsets = np.cumsum([0, *map(len, states)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(values, dim))


def states_of(table: pa.Table) -> list[np.ndarray]:
    """Inverse of `states_array`: the states of each row of a table, without a copy."""
    offsets, flat = _flat_states(table)
    return [flat[start:stop] for start, stop in itertools.pairwise(offsets)]


def _flat_states(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (N + 1) and states (tokens, dim) float16, without a copy."""
    column = table["states"].combine_chunks()
    rows = column.values
    flat = rows.values.to_numpy().reshape(-1, rows.type.list_size)
    return column.offsets.to_numpy().astype(np.int64), flat


def write_embeddings(
    path: str | Path, ids: Sequence[str], texts: Sequence[str], states: Sequence[np.ndarray], metadata: dict
) -> None:
    """One row per prompt: id, prompt_sha256, tokens (count), states (ragged, half precision)."""
    columns = {
        "id": list(ids),
        "prompt_sha256": [prompt_key(text) for text in texts],
        "tokens": [len(state) for state in states],
        "states": states_array(states),
    }
    write_table(path, pa.table(columns), metadata, **PLAIN)


@dataclass(frozen=True)
class PromptStates:
    """All prompts of a task: `flat` (tokens, dim) float16, `offsets` (prompts + 1), `max_length` of a padded prompt."""

    flat: Tensor
    offsets: Tensor
    max_length: int

    @classmethod
    def from_states(cls, states: Sequence[np.ndarray], max_length: int) -> "PromptStates":
        """From the states of each prompt, (length, dim) float16."""
        offsets = torch.tensor([0, *itertools.accumulate(map(len, states))])
        return cls(torch.from_numpy(np.concatenate(states)), offsets, max_length)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def dim(self) -> int:
        return self.flat.shape[1]

    def gather(self, indices: Tensor) -> Tensor:
        """Prompts at `indices` (int64, any shape S) as (*S, max_length, dim) float32, zero where a prompt has ended."""
        start, stop = self.offsets[indices], self.offsets[indices + 1]
        positions = start.unsqueeze(-1) + torch.arange(self.max_length, device=start.device)
        inside = positions < stop.unsqueeze(-1)
        states = self.flat[torch.where(inside, positions, start.unsqueeze(-1))]
        return states.float().mul_(inside.unsqueeze(-1))

    def mean(self) -> Tensor:
        """Mean over prompts of each prompt's mean token state, (dim,) float32."""
        lengths = self.offsets.diff()
        owners = torch.repeat_interleave(torch.arange(len(self), device=lengths.device), lengths)
        sums = torch.zeros(len(self), self.dim, device=self.flat.device).index_add_(0, owners, self.flat.float())
        return (sums / lengths.unsqueeze(-1)).mean(0)


def read_embeddings_metadata(path: str | Path) -> dict[str, Any]:
    """What prompt embeddings say of themselves: `task`, `encoder`; ValueError when the file holds something else."""
    metadata = read_metadata(path)
    if "encoder" not in metadata:
        raise ValueError(f"{path}: found a table with {', '.join(sorted(metadata))}, expected prompt embeddings")
    return metadata


def read_embeddings(path: str | Path, device: torch.device | str = "cpu") -> PromptStates:
    """Load a task's prompt embeddings; ValueError when the file is not one."""
    encoder = PromptEncoder(**read_embeddings_metadata(path)["encoder"])
    offsets, flat = _flat_states(read_table(path))
    return PromptStates(torch.tensor(flat, device=device), torch.tensor(offsets, device=device), encoder.max_length)
