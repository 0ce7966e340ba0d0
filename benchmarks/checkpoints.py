"""Checkpoints to weight tokens, and many of them to parquet and back, for Qwen2.5-0.5B's adapter of 4.4 million values.

Plain: every chunk by itself in Python; the same bytes written to a file and read again. Prints one line of JSON.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from full_size_models import LAYERS, RandomCheckpoints, RandomQwen
from measure import claim, copy_bandwidth, in_turns, parser, report, start
from plain_tokens import tokenize_plain
from torch import Tensor

from p2w.adapters.checkpoints import Block, read_checkpoints, write_blocks
from p2w.adapters.layout import AdapterLayout
from p2w.adapters.weight_tokens import WeightTokens
from p2w.runtime.files import atomic_path


def to_parquet_and_back(folder: Path, layout: AdapterLayout, flat: Tensor) -> Tensor:
    """As the workflow does it: one row per checkpoint, a row group per epoch, here two."""
    path = folder / "checkpoints.parquet"
    halves = flat.split((len(flat) + 1) // 2)
    blocks = [Block(epoch, list(range(len(half))), [0.0] * len(half), half) for epoch, half in enumerate(halves, 1)]
    write_blocks(path, "benchmark", 0, layout, {}, blocks, {})
    return read_checkpoints(path).weights


def raw_and_back(folder: Path, flat: Tensor) -> Tensor:
    """The bytes alone, synced to the disk as every artifact of P2W is, then read into memory that is there."""
    path = folder / "checkpoints.raw"
    with atomic_path(path) as temporary, open(temporary, "wb", buffering=0) as file:
        for row in flat.numpy():
            file.write(row.data)
    again = torch.empty_like(flat)
    with open(path, "rb", buffering=0) as file:
        for row in again.numpy():
            file.readinto(row.data)
    return again


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parser(__doc__, layers=LAYERS, checkpoints=50).parse_args(argv)
    start(args)
    layout = RandomQwen(layers=args.layers).layout()
    spec = WeightTokens(layout)
    flat = RandomCheckpoints(1, args.checkpoints, layout.size)["task_0"]
    tensors = layout.unflatten(flat[0])
    tokens, found = in_turns(
        {
            "plain": lambda: tokenize_plain(tensors, layout, spec.width),
            "ours": lambda: spec.tokenize(flat[0]),
        },
        runs=2 * args.runs + 1,
    )
    difference = (found["plain"] - found["ours"]).abs().max().item()
    moved = flat[0].nbytes + found["ours"].nbytes
    with tempfile.TemporaryDirectory(dir=os.environ.get("P2W_BENCH_FOLDER")) as name:
        folder = Path(name)
        disk, again = in_turns(
            {
                "raw": lambda: raw_and_back(folder, flat),
                "ours": lambda: to_parquet_and_back(folder, layout, flat),
            },
            args.runs,
            warm_up=False,
        )
    if not all(torch.equal(back, flat) for back in again.values()):
        raise ValueError("checkpoints: found other values after a round trip, expected the same")
    raw = disk["seconds"]["raw"]
    report(
        "checkpoints",
        args,
        [
            claim("a checkpoint to weight tokens", tokens, "ours", "plain", 7, moved / copy_bandwidth()),
            claim("checkpoints to parquet and back, against raw bytes", disk, "ours", "raw", 0.5, raw),
        ],
        values=layout.size,
        weight_tokens=spec.num_tokens,
        largest_difference=difference,
    )


if __name__ == "__main__":
    main()
