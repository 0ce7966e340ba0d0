"""Leave-one-out of seven tasks with every generator in closed form, at full size, once adapters and prompts are there.

    python benchmarks/closed_forms.py

writes 50 checkpoints of Qwen2.5-0.5B's adapter of 4.4 million values and 2,000 encoded prompts for each of seven tasks,
all random, and then makes each task's centroid and fits each kind without each task in turn, as the workflow does: from
files to a file, as many at a time as there are cores, on a thread each. In the workflow each is a job, which takes some
seconds more to start. Prints one line of JSON: seconds of the centroids, of all fits of all kinds, and of reading the
files' bytes once.
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
from p2w.generators.centroids import write_centroid
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


def centre(folder: Path, task: str) -> None:
    """A task's centroid, as a job makes it."""
    torch.set_num_threads(1)
    write_centroid(*(folder / f"{task}{end}" for end in (".parquet", ".embeddings.parquet", ".safetensors")))


def fit(folder: Path, kind: str, left_out: str) -> None:
    """A kind without a task, as a job does it."""
    torch.set_num_threads(1)
    centroids = [folder / f"{task}.safetensors" for task in TASKS if task != left_out]
    output = folder / kind / left_out / "generator.safetensors"
    fit_without([left_out], GeneratorConfig(kind=kind), 128, centroids, output)


def seconds(folder: Path, kinds: Sequence[str], jobs: int) -> tuple[float, float]:
    """Of making all centroids, and of fitting every kind without each task in turn; the processes have started
    before."""
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        pool.map(time.sleep, [1] * jobs, chunksize=1)
        start = time.perf_counter()
        pool.starmap(centre, [(folder, task) for task in TASKS], chunksize=1)
        between = time.perf_counter()
        pool.starmap(fit, [(folder, kind, left_out) for kind in kinds for left_out in TASKS], chunksize=1)
        return between - start, time.perf_counter() - between


def seconds_of_reading(folder: Path) -> float:
    """Of reading the bytes of all tasks' files once."""
    start = time.perf_counter()
    for path in sorted(folder.glob("*.parquet")):
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
        centroids, fits = seconds(Path(name), kinds, args.jobs)
    found = {"seconds": centroids + fits, "centroids": centroids, "reading": reading}
    sizes = {"values": layout.size, "checkpoints": args.checkpoints, "prompts": args.prompts, "jobs": args.jobs}
    rounded = {key: round(took, 2) for key, took in found.items()}
    print(json.dumps({**sizes, "kinds": kinds, "fits": len(kinds) * len(TASKS), **rounded}))


if __name__ == "__main__":
    main()
