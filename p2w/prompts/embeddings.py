"""Prompt embeddings of a task: encoded once per prompt, kept in half precision without padding.

The cache is a folder of parquet segments, one per run that met new prompts, each named by its content. Nothing is ever
rewritten, so any number of jobs may use it at once, on a network file system too.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from p2w.config.encoder import PromptEncoder
from p2w.config.prompts import Form, PromptSelection
from p2w.data.samples import read_samples
from p2w.prompts.encoder import encode_when_needed
from p2w.prompts.states import prompt_key, states_array, states_of, write_embeddings
from p2w.runtime.device import best_device
from p2w.runtime.files import DamagedFileError
from p2w.runtime.progress import Report, reporter, silent
from p2w.runtime.provenance import provenance
from p2w.runtime.resume import UNSAVED, SavedState, State
from p2w.runtime.tables import PLAIN, read_table, write_table

Encode = Callable[[Sequence[str]], list[np.ndarray]]
BATCH = 32  # prompts that are encoded at once
MIX = 5  # of so many rows, one shows its answer: the paper's 4:1


def select_prompts(samples: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most `most` rows with distinct prompts, a seeded choice, in the table's order."""
    distinct = samples.drop_duplicates("prompt")
    if len(distinct) <= most:
        return distinct
    kept = np.random.default_rng(seed).choice(len(distinct), size=most, replace=False)
    return distinct.iloc[np.sort(kept)]


def condition_texts(samples: pd.DataFrame, form: Form, seed: int) -> list[str]:
    """What the encoder reads of each row: the prompt, the prompt and its answer, or the answer in one row of MIX.

    Answers are for the paper's ablation only: they are labels, those of the held-out task included. Raises ValueError:
    an answer is to be shown that the row does not have; names the row.
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


def encode_cached(
    texts: Sequence[str], encode: Encode, cache: Path, saved: SavedState = UNSAVED, report: Report = silent
) -> list[np.ndarray]:
    """Token states of each text, (length, dim) float16; only texts that no segment of `cache` holds are encoded.

    That is for BATCH texts of like length at a time; in `saved` an interrupted run with the same texts left its own.
    """
    by_key = {prompt_key(text): text for text in texts}
    states = _cached_states(cache, set(by_key))
    new = [key for key in by_key if key not in states]
    if new:
        encoded = _encode(new, by_key, encode, saved, report)
        _write_segment(cache, encoded)
        states |= encoded
    return [states[prompt_key(text)] for text in texts]


def _encode(
    new: Sequence[str], by_key: Mapping[str, str], encode: Encode, saved: SavedState, report: Report
) -> dict[str, np.ndarray]:
    """States of the prompts `new`, in their order; an interrupted run's batches are kept, for states depend on them."""
    order, done = _load_encoded(saved)
    if not set(new) <= set(order):
        # The longest first: those of like length together, and what does not fit in memory fails at once.
        order, done = [new[i] for i in np.argsort([-len(by_key[key]) for key in new])], []
    for start in range(len(done), len(order), BATCH):
        done.extend(encode([by_key[key] for key in order[start : start + BATCH]]))
        saved.save_if_due(lambda: _encoded_state(order, done))
        report(len(done), len(order), "")
    encoded = dict(zip(order, done, strict=True))
    return {key: encoded[key] for key in by_key if key in encoded}


def _encoded_state(order: list[str], done: list[np.ndarray]) -> State:
    lengths = torch.tensor([len(states) for states in done])
    return {"states": torch.from_numpy(np.concatenate(done)), "lengths": lengths}, {"order": order}


def _load_encoded(saved: SavedState) -> tuple[list[str], list[np.ndarray]]:
    """Prompts in the order of an interrupted run, and the states of the first of them."""
    if (found := saved.load()) is None:
        return [], []
    tensors, values = found
    ends = tensors["lengths"].cumsum(0)[:-1].tolist()
    return values["order"], np.split(tensors["states"].numpy(), ends)


def _cached_states(cache: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    states: dict[str, np.ndarray] = {}
    for segment in sorted(cache.glob("*.parquet")):
        try:
            table = read_table(segment)
        except DamagedFileError as error:
            raise ValueError(f"{segment}: {error.reason}; remove it and run again, it is only a cache") from error
        keys = table["prompt_sha256"].to_pylist()
        if wanted & set(keys):
            states |= {k: s for k, s in zip(keys, states_of(table), strict=True) if k in wanted}
    return states


def _write_segment(cache: Path, states: dict[str, np.ndarray]) -> None:
    name = hashlib.sha256("".join(sorted(states)).encode()).hexdigest()[:16]
    table = pa.table({"prompt_sha256": list(states), "states": states_array(list(states.values()))})
    write_table(cache / f"{name}.parquet", table, {"content": "prompt embedding cache segment"}, **PLAIN)


def embed_prompts(
    encoder: PromptEncoder,
    selection: PromptSelection,
    seed: int,
    task: str,
    samples_path: Path,
    cache: Path,
    output: Path,
    state: Path | None = None,
    encode: Encode | None = None,
) -> None:
    """Write the embeddings of a task's prompts, encoding only those that the cache does not hold.

    The file `state` is what the same call goes on from after an interruption; `encode` spares loading the encoder.
    """
    samples = select_prompts(read_samples(samples_path), selection.max_per_task, seed)
    texts = condition_texts(samples, selection.form, seed)
    record = provenance("embeddings", selection.to_json(), [samples_path], seed)
    metadata = {"task": task, "encoder": encoder.to_json(), "provenance": record}
    device = best_device()
    with SavedState(state, {**metadata, "device": device.type}) as saved:
        encode, report = encode or encode_when_needed(encoder, str(device)), reporter(f"prompts of {task}")
        states = encode_cached(texts, encode, cache / encoder.key, saved, report)
        write_embeddings(output, samples["id"].tolist(), texts, states, metadata)
