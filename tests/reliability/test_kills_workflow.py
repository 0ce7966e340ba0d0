"""A running workflow whose processes are all killed in the middle of a stage: run again, it ends as if nothing was."""

import os
import shutil
import subprocess
import sys
import time
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from p2w.runtime.files import sha256
from p2w.runtime.resume import INTERVAL
from tests.support.workspace import ALONE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("kills_workflow")]

SMALL = {
    "inherits": "pocket",
    "jobs": ALONE,
    "tasks": ["boolq", "piqa"],
    "finetune": {"max_samples": 96, "batch_size": 4, "micro_batch_size": 2, "snapshots": 3},
}
EPOCH = "results/small/adapters/boolq/epoch_1"
STATE = "results/small/state/finetune/boolq/epoch_1.safetensors"
LOG = "results/small/logs/finetune/boolq/epoch_1.log"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    workspace.experiment("small", SMALL)
    workspace.run(f"{EPOCH}/adapter_model.safetensors")
    return workspace


def hashes(workspace):
    return {path.name: sha256(path) for path in sorted((workspace.folder / EPOCH).iterdir()) if path.name[0] != "."}


def killed_inside(workspace, number):
    """Start the workflow and send a signal to all its processes once there is a saved state; its exit code."""
    command = [sys.executable, "-m", "snakemake", f"{EPOCH}/adapter_model.safetensors", "--cores", "1"]
    with subprocess.Popen(
        command, cwd=workspace.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not (workspace.folder / STATE).exists() and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, number)
        return process.wait()


@pytest.mark.parametrize("number", [SIGKILL, SIGTERM, SIGINT])
def test_a_killed_workflow_goes_on(workspace, monkeypatch, tally, number):
    monkeypatch.setenv(INTERVAL, "0")
    expected = hashes(workspace)
    shutil.rmtree(workspace.folder / EPOCH)
    assert killed_inside(workspace, number) != 0
    assert (workspace.folder / STATE).exists()
    assert not (workspace.folder / EPOCH / "adapter_model.safetensors").exists()
    if number == SIGKILL:
        workspace.run("--unlock")  # a workflow that is killed cannot
    else:
        assert f"stopped by {Signals(number).name}: the same command goes on" in (workspace.folder / LOG).read_text()
    workspace.run(f"{EPOCH}/adapter_model.safetensors")
    assert "going on from saved state" in (workspace.folder / LOG).read_text()
    assert hashes(workspace) == expected
    assert not (workspace.folder / STATE).exists()
    tally("kills")
