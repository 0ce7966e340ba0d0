"""Prompt embeddings of a task: encoded once per prompt, kept in half precision without padding.

The cache is a folder of parquet segments, one per run that met new prompts, each named by its content. Nothing is ever
rewritten, so any number of jobs may use it at once, on a network file system too.
"""

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from torch import Tensor

from p2w.device import best_device
from p2w.prompt_encoder import PromptEncoder
from p2w.provenance import provenance
from p2w.samples import read_samples
from p2w.tables import read_metadata, read_table, write_table

Encode = Callable[[Sequence[str]], list[np.ndarray]]
Form = Literal["prompt", "prompt_answer", "mix"]
MIX = 5  # of so many rows, one shows its answer: the paper's 4:1


def prompt_key(text: str) -> str:
    """What a prompt is known by: the sha256 of its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def select_prompts(samples: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most `most` rows with distinct prompts, a seeded choice, in the table's order."""
    distinct = samples.drop_duplicates("prompt")
    if len(distinct) <= most:
        return distinct
    kept = np.random.default_rng(seed).choice(len(distinct), size=most, replace=False)
    return distinct.iloc[np.sort(kept)]


def condition_texts(samples: pd.DataFrame, form: Form, seed: int) -> list[str]:
    """What the encoder reads of each row: the prompt, the prompt and its answer, or the answer in one row of MIX.

    Answers are for the paper's ablation only: they are labels, those of the held-out task included.

    Raises:
        ValueError: an answer is to be shown that the row does not have; names the row.
    """
    shown = np.zeros(len(samples), dtype=bool)
    if form == "prompt_answer":
        shown[:] = True
    elif form == "mix":
        shown[np.random.default_rng((seed, MIX)).choice(len(samples), size=len(samples) // MIX, replace=False)] = True
    return [_text(row, answer) for row, answer in zip(samples.itertuples(), shown, strict=True)]


def _text(row: Any, with_answer: bool) -> str:
    if not with_answer:
        return row.prompt
    if row.response is None:
        raise ValueError(f"sample {row.id!r} has no answer, expected one for prompts.form other than 'prompt'")
    return f"{row.prompt}\n{row.response}"


def encode_cached(texts: Sequence[str], encode: Encode, cache: Path) -> list[np.ndarray]:
    """Token states of each text, (length, dim) float16; only texts that no segment of `cache` holds are encoded."""
    keys = [prompt_key(text) for text in texts]
    states = _cached_states(cache, set(keys))
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in states}
    if new:
        states |= dict(zip(new, encode(list(new.values())), strict=True))
        _write_segment(cache, {key: states[key] for key in new})
    return [states[key] for key in keys]


def _cached_states(cache: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    states: dict[str, np.ndarray] = {}
    for segment in sorted(cache.glob("*.parquet")):
        table = read_table(segment)
        keys = table["prompt_sha256"].to_pylist()
        if wanted & set(keys):
            states |= {k: s for k, s in zip(keys, _states(table), strict=True) if k in wanted}
    return states


def _write_segment(cache: Path, states: dict[str, np.ndarray]) -> None:
    name = hashlib.sha256("".join(sorted(states)).encode()).hexdigest()[:16]
    table = pa.table({"prompt_sha256": list(states), "states": _states_array(list(states.values()))})
    write_table(cache / f"{name}.parquet", table, {"content": "prompt embedding cache segment"})


def _states_array(states: Sequence[np.ndarray]) -> pa.ListArray:
    """Ragged (length, dim) arrays as list<fixed_size_list<half>[dim]>."""
    dim = states[0].shape[1]
    values = pa.array(np.concatenate(states).astype(np.float16).reshape(-1))
    offsets = np.cumsum([0, *map(len, states)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(values, dim))


def _states(table: pa.Table) -> list[np.ndarray]:
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
        "states": _states_array(states),
    }
    write_table(path, pa.table(columns), metadata)


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


def read_embeddings(path: str | Path, device: torch.device | str = "cpu") -> PromptStates:
    """Load a task's prompt embeddings; ValueError when the file is not one."""
    encoder = PromptEncoder(**read_metadata(path)["encoder"])
    offsets, flat = _flat_states(read_table(path))
    return PromptStates(torch.tensor(flat, device=device), torch.tensor(offsets, device=device), encoder.max_length)


@dataclass(frozen=True)
class PromptSelection:
    """Which prompts of the train split describe a task: at most so many, chosen by seed; and what is read of them."""

    max_per_task: int
    form: Form = "prompt"


def embed_prompts(
    encoder: PromptEncoder,
    selection: PromptSelection,
    seed: int,
    task: str,
    samples_path: Path,
    cache: Path,
    output: Path,
) -> None:
    """Write the embeddings of a task's prompts, encoding only those that the cache does not hold."""
    samples = select_prompts(read_samples(samples_path), selection.max_per_task, seed)
    texts = condition_texts(samples, selection.form, seed)
    states = encode_cached(texts, lambda new: encoder.encode(new, str(best_device())), cache / encoder.key)
    record = provenance("workflow/scripts/embeddings.py", asdict(selection), [samples_path], seed)
    metadata = {"task": task, "encoder": encoder.to_json(), "provenance": record}
    write_embeddings(output, samples["id"].tolist(), texts, states, metadata)
