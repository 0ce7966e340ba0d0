"""The workflow through a real SLURM, with the profile as it is shipped.

All of it stays in one module: the cluster is one, and so is the folder of results that the tests look at.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from p2w.runtime.files import read_json, sha256
from tests.support.slurm_cluster import Slurm
from tests.support.workspace import ALONE, Workspace

pytestmark = [pytest.mark.long, pytest.mark.slurm, pytest.mark.xdist_group("slurm")]

HELD_OUT = ["arc_challenge", "boolq"]
# The pocket experiment for two held-out tasks; --thorough runs all of it, otherwise it has little of everything.
WHOLE = {"inherits": "pocket", "seed": 1, "jobs": ALONE, "held_out": HELD_OUT}  # adapters of its own, a job for each
SMALL = {
    **WHOLE,
    "tasks": [*HELD_OUT, "hellaswag", "piqa"],
    "finetune": {"max_samples": 32, "snapshots": 2},
    "checkpoints": {"epochs": 2},
    "prompts": {"max_per_task": 32},
    "decoder": {"num_prompts": 4, "shapes": [[8, 8, 96]], "steps": 300, "batch_size": 2},
    "evaluation": {"draws": 1, "max_rows": 20},
}
SUMMARY = "results/held_out/summary.md"
DECODER = "results/held_out/decoder/boolq/decoder.safetensors"
# A decoder this small loses more to waiting for a second thread than it gains.
ONE_THREAD = ["--set-threads", "decoder=1"]
PROFILE = ["--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2", *ONE_THREAD]
GPU_GROUPS = {"embeddings": 1, "draws": 2}
GPU_RULES = {"prompt_variants": 2, "multi_task": 2, "decoder": 2, "evaluate": 2}
CPU_GROUPS = {"samples": 1, "checkpoints": 1, "controls": 2}
CPU_RULES = {"figures": 1}
HAS_GPU = "gres/gpu=1"


class Cluster:
    """The project in a folder of its own, and the SLURM that runs its jobs."""

    def __init__(self, folder: Path, slurm: Slurm, content: dict[str, Any]) -> None:
        self.slurm, self.folder = slurm, folder
        Workspace(folder).experiment("held_out", content)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """`snakemake` with the SLURM profile, at work."""
        command = [sys.executable, "-m", "snakemake", *arguments, *PROFILE]
        with (self.folder / "snakemake.log").open("w") as log:
            environment = {**os.environ, **environment}
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def finish(self, process: subprocess.Popen[str]) -> None:
        """Wait for such a run, which must succeed."""
        assert process.wait() == 0, (self.folder / "snakemake.log").read_text(errors="replace")

    def remove(self, *paths: str) -> None:
        """The folders of these files."""
        for path in paths:
            shutil.rmtree((self.folder / path).parent)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, slurm, thorough):
    return Cluster(tmp_path_factory.mktemp("project"), slurm, WHOLE if thorough else SMALL)


@pytest.fixture(scope="module")
def jobs(cluster):
    """What the accounting says of the whole experiment's jobs."""
    before = {job.id for job in cluster.slurm.jobs()}
    cluster.finish(cluster.start(SUMMARY))
    return [job for job in cluster.slurm.jobs() if job.id not in before]


def kinds(jobs):
    """How many jobs there are of each rule or group."""
    return Counter(re.match("rule_([a-z]+(_variants|_task)?)_", job.name)[1] for job in jobs)


def epochs_of_a_task(thorough):
    return 3 if thorough else SMALL["checkpoints"]["epochs"]


def test_the_whole_experiment_runs(cluster, jobs, tally):
    tally("SLURM jobs", len(jobs))
    assert {job.state for job in jobs} == {"COMPLETED"}
    for task in HELD_OUT:
        evaluation = read_json(cluster.folder / f"results/held_out/evaluation/{task}.json")
        assert {"generated", "constant", "multi_task"} <= set(evaluation["sources"])


def test_whoever_needs_a_gpu_has_one_and_nobody_else(jobs, thorough):
    epochs = {"finetune": 8 if thorough else len(SMALL["tasks"])}
    assert kinds(job for job in jobs if HAS_GPU in job.tres) == epochs | GPU_GROUPS | GPU_RULES
    assert kinds(job for job in jobs if "gpu" not in job.tres) == CPU_GROUPS | CPU_RULES


def test_the_profile_reaches_sbatch(jobs, thorough):
    for job in jobs:
        partition = "gpu" if HAS_GPU in job.tres else "cpu"
        for option in ("-A p2w", f"-p {partition}", "--nodes=1", "--requeue", "--signal=TERM@120"):
            assert f" {option} " in job.submitted
    (decoder,) = (job for job in jobs if job.name == "rule_decoder_wildcards_held_out_boolq_")
    assert "-t 720 --mem 64000" in decoder.submitted
    assert "mem=62.50G" in decoder.tres
    epochs = next(job for job in jobs if job.name.startswith("rule_finetune"))
    assert f"-t {240 * epochs_of_a_task(thorough)} --mem 16000" in epochs.submitted


@pytest.mark.usefixtures("jobs")
def test_nothing_is_done_again(cluster, tally):
    """Through SLURM or without, also after a touch."""
    for path in (cluster.folder / "results").rglob("*.parquet"):
        path.touch()
    for arguments in (PROFILE, ["--cores", "2"]):
        command = [sys.executable, "-m", "snakemake", SUMMARY, *arguments]
        done = subprocess.run(command, cwd=cluster.folder, capture_output=True, text=True, check=True)
        assert "Nothing to be done" in done.stdout + done.stderr
        tally("reruns avoided")


@pytest.mark.usefixtures("jobs")
def test_a_job_that_runs_out_of_time_and_is_then_requeued_ends_with_the_same_decoder(cluster, tally):
    """SLURM itself sends SIGTERM ahead of the limit; `scontrol requeue` is what pre-emption does."""
    slurm, whole = cluster.slurm, sha256(cluster.folder / DECODER)
    log, state = cluster.folder / "results/held_out/logs/decoder/boolq/decoder.log", state_file(cluster)
    cluster.remove(DECODER)
    process = cluster.start(DECODER, P2W_SAVE_SECONDS="0")
    slurm.wait(state.exists)
    (first,) = slurm.running("rule_decoder")
    slurm.tell("scontrol", "update", f"JobId={first}", "TimeLimit=2")
    # SLURM looks at limits every 30 seconds, when a fast machine would be done; its signal wakes what is stopped.
    slurm.tell("scancel", "--signal=STOP", first)
    slurm.wait(lambda: set(slurm.running("rule_decoder")) - {first})
    slurm.wait(lambda: log.exists() and "going on from saved state" in log.read_text())
    (second,) = slurm.running("rule_decoder")
    slurm.tell("scontrol", "requeue", second)
    cluster.finish(process)
    assert sha256(cluster.folder / DECODER) == whole
    assert "going on from saved state" in log.read_text()
    assert not state.exists()
    tally("SLURM jobs", 2)
    tally("kills", 2)


def state_file(cluster):
    return cluster.folder / "results/held_out/state/decoder/boolq/decoder.safetensors"


@pytest.mark.usefixtures("jobs")
def test_a_requeued_allocation_ends_with_the_same_epochs(cluster, tally, thorough):
    slurm, results = cluster.slurm, "results/pocket" if thorough else "results/held_out"  # whose adapters are used
    epochs = [f"{results}/adapters/boolq/epoch_{epoch}/adapter_model.safetensors" for epoch in (1, 2)]
    whole = [sha256(cluster.folder / epoch) for epoch in epochs]
    second = cluster.folder / f"{results}/logs/finetune/boolq/epoch_2.log"
    cluster.remove(*epochs)
    second.unlink()
    process = cluster.start(epochs[-1])
    slurm.wait(second.exists)
    (job,) = slurm.running("rule_finetune")
    slurm.tell("scontrol", "requeue", job)
    cluster.finish(process)
    assert [sha256(cluster.folder / epoch) for epoch in epochs] == whole
    tally("SLURM jobs")
    tally("kills")


@pytest.mark.usefixtures("jobs")
def test_the_same_decoder_comes_out_without_slurm(cluster, tmp_path):
    whole = sha256(cluster.folder / DECODER)
    copy = shutil.copytree(cluster.folder, tmp_path / "project", symlinks=True)
    command = [sys.executable, "-m", "snakemake", DECODER, "--cores", "2", "--forcerun", "decoder", *ONE_THREAD]
    subprocess.run(command, cwd=copy, capture_output=True, check=True)
    assert sha256(copy / DECODER) == whole
