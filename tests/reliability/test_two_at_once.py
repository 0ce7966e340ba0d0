"""Two workflows at once: for the same files the second is told so, for others they do not meet; caches serve all."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p2w.prompts.states import prompt_key
from p2w.runtime.tables import read_table
from tests.support.workspace import PROJECT, Workspace

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("two_at_once")]

SAMPLES = "results/{}/samples/{}/train.parquet"
# The raw stage waits for this file, so that a test decides how long a workflow runs.
GO = "go"
WAITING = f"import pathlib, time\nwhile not pathlib.Path({GO!r}).exists():\n    time.sleep(0.05)\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path)
    workspace.edit("workflow/scripts/raw.py", "from pathlib import Path\n", f"from pathlib import Path\n{WAITING}")
    yield workspace
    (tmp_path / GO).touch()


def start(workspace: Workspace, target: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", target, "--cores", "1"]
    return subprocess.Popen(command, cwd=workspace.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def locks(workspace: Workspace) -> int:
    return len(list((workspace.folder / ".snakemake/locks").glob("*.output.lock")))


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(2400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for two minutes")


def test_a_second_workflow_for_the_same_files_is_told_so(workspace: Workspace) -> None:
    """It ends with code 1 and leaves everything to the first, also where it shares but one raw table with it."""
    first = start(workspace, SAMPLES.format("pocket", "boolq"))
    wait_for(lambda: locks(workspace) == 1)
    same = start(workspace, SAMPLES.format("pocket", "boolq"))
    sharing = start(workspace, SAMPLES.format("pocket_formats", "boolq.digit"))
    apart = start(workspace, SAMPLES.format("pocket", "piqa"))
    for process in (same, sharing):
        output = process.communicate()[0]
        assert process.returncode == 1, output
        assert "LockException:\nError: Directory cannot be locked." in output
    wait_for(lambda: locks(workspace) == 2)
    (workspace.folder / GO).touch()
    for process in (first, apart):
        output = process.communicate()[0]
        assert process.returncode == 0, output
    made = [SAMPLES.format("pocket", task) for task in ("boolq", "piqa")]
    assert all(read_table(workspace.folder / path).num_rows > 0 for path in made)
    assert not workspace.plan(*made)
    assert locks(workspace) == 0


def test_a_lock_that_a_killed_workflow_left_is_removed_by_hand(workspace: Workspace) -> None:
    """Nothing is lost with it: the next run goes on from what is there."""
    target = SAMPLES.format("pocket", "boolq")
    first = start(workspace, target)
    wait_for(lambda: locks(workspace) == 1)
    first.kill()
    first.wait()
    assert "--unlock" in workspace.refusal(target)
    assert workspace.snakemake(target, "--unlock").returncode == 0
    (workspace.folder / GO).touch()
    workspace.run(target)
    assert read_table(workspace.folder / target).num_rows > 0


ENCODE = """
import sys, time
from pathlib import Path
import numpy as np
from p2w.prompts.embeddings import encode_cached

who, cache = int(sys.argv[1]), Path(sys.argv[2])
encode = lambda texts: time.sleep(0.01) or [np.full((len(text), 3), len(text), np.float16) for text in texts]
for turn in range(40):
    texts = ["x" * (1 + (7 * turn + who * k) % 50) for k in range(6)]
    for text, states in zip(texts, encode_cached(texts, encode, cache), strict=True):
        assert states.shape == (len(text), 3) and (states == len(text)).all()
"""


def test_workflows_of_different_clones_may_share_a_cache_of_embeddings(tmp_path: Path) -> None:
    """Three processes read and write it all the time; whatever they find in it is whole and right."""
    cache = tmp_path / "cache"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", ENCODE, str(who), cache], cwd=PROJECT, stderr=subprocess.PIPE, text=True
        )
        for who in (1, 2, 3)
    ]
    for writer in writers:
        errors = writer.communicate()[1]
        assert writer.returncode == 0, errors
    assert not list(cache.glob(".*")), "nothing half-written is left"
    keys = {key for path in cache.glob("*.parquet") for key in read_table(path)["prompt_sha256"].to_pylist()}
    assert keys == {prompt_key("x" * length) for length in range(1, 51)}
