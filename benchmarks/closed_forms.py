"""Leave-one-out of seven tasks with every generator in closed form, at full size, once adapters and prompts are there.

    python benchmarks/closed_forms.py

writes 50 checkpoints of Qwen2.5-0.5B's adapter of 4.4 million values and 2,000 encoded prompts for each of seven tasks,
all random, and then fits each kind without each task in turn, as the workflow does: from files to a file, as many at a
time as there are cores, on a thread each. In the workflow every fit is a job, which takes a few seconds more to start.
Prints one line of JSON: seconds of all fits of all kinds, beside reading the files' bytes once for each turn.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from full_size_models import DIM, LAYERS, RandomQwen

from p2w.adapters.checkpoints import Block, write_blocks
from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.closed_forms import CLOSED_FORMS
from p2w.generators.fitting import fit_without
from p2w.prompts.states import write_embeddings
from p2w.runtime.progress import reporter

TASKS = [f"task_{number}" for number in range(7)]
ENCODER = {"max_length": 128, "sha256": "0" * 64, "package": "nowhere"}
READ_AT_ONCE = 1 << 24


def write_task(folder: Path, task: str, layout: AdapterLayout, args: argparse.Namespace) -> None:
    """A task's checkpoints and prompts, both random."""
    seed = TASKS.index(task)
    random, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    weights = torch.randn(args.checkpoints, layout.size, generator=random)
    block = Block(1, list(range(1, args.checkpoints + 1)), [0.0] * args.checkpoints, weights)
    write_blocks(folder / f"{task}.parquet", task, 0, layout, {}, [block], {})
    lengths = rng.integers(32, ENCODER["max_length"] + 1, args.prompts)
    states = [rng.standard_normal((length, DIM), dtype=np.float32).astype(np.float16) for length in lengths]
    names = [f"{task}-{number}" for number in range(args.prompts)]
    path = folder / f"{task}.embeddings.parquet"
    write_embeddings(path, names, names, states, {"task": task, "encoder": ENCODER})


def fit(folder: Path, kind: str, left_out: str) -> None:
    """A kind without a task, as a job does it."""
    torch.set_num_threads(1)
    others = [task for task in TASKS if task != left_out]
    paths = [[folder / f"{task}{end}" for task in others] for end in (".parquet", ".embeddings.parquet")]
    output = folder / kind / left_out / "generator.safetensors"
    fit_without([left_out], GeneratorConfig(kind=kind), 128, *paths, output)


def seconds(folder: Path, kinds: Sequence[str], jobs: int) -> float:
    """Of fitting every kind without each task in turn; the processes have started before."""
    turns = [(folder, kind, left_out) for kind in kinds for left_out in TASKS]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        pool.map(time.sleep, [1] * jobs, chunksize=1)
        start = time.perf_counter()
        pool.starmap(fit, turns, chunksize=1)
        return time.perf_counter() - start


def seconds_of_reading(folder: Path) -> float:
    """Of reading, for each task in turn, the bytes of the other tasks' files."""
    start = time.perf_counter()
    for left_out in TASKS:
        for path in sorted(folder.glob("*.parquet")):
            if path.name.split(".")[0] != left_out:
                with open(path, "rb", buffering=0) as file:
                    while file.read(READ_AT_ONCE):
                        pass
    return time.perf_counter() - start


def main(argv: Sequence[str] | None = None) -> None:
    """Write, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=LAYERS, help="of the base model")
    parser.add_argument("--checkpoints", type=int, default=50, help="of each task")
    parser.add_argument("--prompts", type=int, default=2000, help="of each task")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="fits at a time")
    parser.add_argument("--folder", type=Path, help="where the files are for a while; 8 GB at full size")
    args = parser.parse_args(argv)
    layout, report = RandomQwen(layers=args.layers).layout(), reporter("tasks written")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for number, task in enumerate(TASKS, 1):
            write_task(Path(name), task, layout, args)
            report(number, len(TASKS), task)
        reading = seconds_of_reading(Path(name))
        kinds = list(CLOSED_FORMS)
        found = {"seconds": seconds(Path(name), kinds, args.jobs), "seconds_of_reading": reading}
    sizes = {"values": layout.size, "checkpoints": args.checkpoints, "prompts": args.prompts, "jobs": args.jobs}
    rounded = {key: round(took, 2) for key, took in found.items()}
    print(json.dumps({**sizes, "kinds": kinds, "fits": len(kinds) * len(TASKS), **rounded}))


if __name__ == "__main__":
    main()
