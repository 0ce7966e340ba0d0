"""Two processes that share every batch learn what one learns, and end with the same decoder."""

import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from p2w.runtime.processes import ALONE, Processes, joined
from tests.support.settings import replace
from tests.support.toy_decoder import SHORT, train

SHARED = replace(SHORT, condition_noise=0.1, weight_noise=0.1)


def train_one_of_two(rank, folder):
    """Train in one of two processes and write what came of it."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    decoder, rows = train(SHARED, processes=Processes(rank, 2))
    torch.save((decoder.state_dict(), rows), folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_train_as_one(tmp_path):
    torch.multiprocessing.spawn(train_one_of_two, (tmp_path,), nprocs=2)
    (first, rows), (second, others) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    _, expected = train(SHARED)
    for key in ("loss", "grad_norm"):
        assert [row[key] for row in rows] == [row[key] for row in others]
        assert [row[key] for row in rows] == pytest.approx([row[key] for row in expected], rel=1e-6)


def threads():
    return {file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")}


def join_and_leave(rank, folder):
    """What torchrun tells a process, then a training step; the threads during and after it."""
    os.environ |= {"TORCHELASTIC_RUN_ID": "test", "RANK": str(rank), "WORLD_SIZE": "1"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    with joined(torch.device("cpu")) as (processes, _):
        assert processes == Processes(0, 1)
        torch.optim.AdamW([torch.nn.Parameter(torch.ones(3))])
        during = threads()
    (folder / "threads").write_text(" ".join([*during, "|", *threads()]))


def test_no_thread_of_the_group_outlives_it(tmp_path):
    """One that does may need the interpreter when it is gone: the finished process aborts."""
    torch.multiprocessing.spawn(join_and_leave, (tmp_path,), nprocs=1)
    during, after = (tmp_path / "threads").read_text().split("|")
    assert "gloo" in during
    assert "gloo" not in after


def test_every_item_belongs_to_one_process():
    for count in (1, 2, 3, 7):
        parts = [Processes(rank, count).share(7) for rank in range(count)]
        assert [item for part in parts for item in part] == list(range(7))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert ALONE.share(7) == range(7)
    with pytest.raises(ValueError, match="found 8 processes, expected at most one for each of 7 items"):
        Processes(0, 8).share(7)
