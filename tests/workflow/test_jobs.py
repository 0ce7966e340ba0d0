"""An experiment may divide its work into larger jobs: fewer starts, the same files."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from p2w.runtime.files import sha256
from p2w.runtime.resume import INTERVAL
from tests.support.finished import SMALL
from tests.support.workspace import Workspace

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("jobs")]

TASKS = ("boolq", "piqa")
APART = SMALL | {"tasks": [*TASKS, "arc_easy"]}
JOBS = {"jobs": {"finetune": 2, "embeddings": 2, "draws": 2}}
FILES = [f"adapters/{task}/epoch_{k}/run.json" for task in TASKS for k in (1, 2)]
FILES += [f"{kind}/{task}.parquet" for kind in ("checkpoints", "embeddings") for task in TASKS]
TARGETS = [f"results/small/{name}" for name in FILES]
LOG = "results/small/logs/finetune/together_1.log"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Makes workspaces of a small experiment whose samples are there already."""
    first = Workspace(tmp_path_factory.mktemp("first"))
    first.experiment("small", APART)
    first.run(*(f"results/small/samples/{task}/train.parquet" for task in TASKS))

    def made(name, jobs):
        shutil.copytree(first.folder, folder := tmp_path_factory.mktemp(name) / "project", symlinks=True)
        workspace = Workspace.at(folder)
        workspace.experiment("small", APART | jobs)
        return workspace

    return made


@pytest.fixture(scope="module")
def workspaces(copy):
    """The same experiment, once with a job for everything and once with larger ones, both finished."""
    found = [copy("apart", {}), copy("together", JOBS)]
    for workspace in found:
        workspace.run(*TARGETS)
    return found


def contents(workspace):
    """Every file of adapters, checkpoints and prompts, by its name."""
    folder = workspace.folder / "results/small"
    files = (path for name in ("adapters", "checkpoints", "embeddings") for path in sorted((folder / name).rglob("*")))
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files if path.is_file()}


def log(workspace):
    return (workspace.folder / LOG).read_text()


def test_larger_jobs_make_the_same_bytes(workspaces):
    apart, together = workspaces
    assert contents(apart) == contents(together)
    assert len(contents(apart)) == 2 * 2 * 5 + 2 + 2
    assert re.search(r"12/12 steps, .*, took \d+ s, piqa epoch 2 loss", log(together)), "progress of all of it"


def test_so_many_tasks_share_a_job(workspaces):
    apart, together = workspaces
    shared = Counter(finetune_small_1=1, checkpoints_small_1=1, embeddings_small_1=1)
    rest = Counter(raw=2, samples=2)
    assert together.plan(*TARGETS, "--forceall") == shared + rest
    assert apart.plan(*TARGETS, "--forceall") == Counter(finetune=4, checkpoints=2, embeddings=2) + rest
    # The third task is left over: it has a job of its own.
    third = together.plan("results/small/checkpoints/arc_easy.parquet")
    assert third == Counter(raw=1, samples=1, finetune_small_2=1, checkpoints_small_2=1)


def test_draws_that_share_a_job_are_those_of_single_ones(workspaces):
    apart, together = workspaces
    drawn = ("generated/boolq", *(f"controls/boolq/{control}_prompts" for control in ("shuffled", "foreign", "random")))
    files = [f"results/small/{of}/draw_{draw}/run.json" for of in drawn for draw in (0, 1)]
    shared, alone = together.plan(*files), apart.plan(*files)
    assert (shared["generate_0_to_1"], shared["prompt_controls_0_to_1"], shared["generate"]) == (1, 1, 0)
    assert (alone["generate"], alone["prompt_controls"]) == (2, 2)
    made = []
    for workspace in workspaces:
        workspace.run(*files)
        weights = [workspace.folder / file.replace("run.json", "adapter_model.safetensors") for file in files]
        made.append([sha256(path) for path in weights])
    assert made[0] == made[1]
    assert len(set(made[0])) == len(files)
    assert not together.plan(*files)


def test_a_finished_run_is_finished(workspaces):
    together = workspaces[1]
    assert not together.plan(*TARGETS)
    for change in ({"tasks": list(TASKS)}, {"tasks": [*TASKS, "arc_easy", "winogrande"]}, {"held_out": [TASKS[0]]}):
        together.experiment("small", APART | JOBS | change)
        assert not together.plan(*TARGETS), change
    together.experiment("small", APART | JOBS)


def test_one_more_epoch_trains_what_is_new(workspaces):
    together, before = workspaces[1], contents(workspaces[1])
    together.experiment("small", APART | JOBS | {"checkpoints": {"epochs": 3}})
    third = [f"results/small/adapters/{task}/epoch_3/run.json" for task in TASKS]
    assert together.plan(*third) == Counter(finetune_small_1=1)
    together.run(*third)
    assert set(re.findall(r"epoch (\d) loss", log(together))) == {"3"}
    assert {name: found for name, found in contents(together).items() if "epoch_3" not in name} == before
    assert together.plan(*TARGETS, *third) == Counter(checkpoints_small_1=1), "tables of three epochs"


def test_an_experiment_that_inherits_adapters_takes_those_of_the_larger_jobs(workspaces):
    together = workspaces[1]
    together.experiment("heir", {"inherits": "small", "decoder": {"steps": 5}})
    jobs = together.plan("results/heir/decoder/boolq/decoder.safetensors", "--forceall")
    assert {name for name in jobs if name.startswith("finetune")} == {"finetune_small_1", "finetune_small_2"}
    assert {name for name in jobs if name.startswith("embeddings")} == {"embeddings_heir_1", "embeddings_heir_2"}


def test_further_tasks_of_an_heir_share_a_job_that_makes_the_bytes_of_single_ones(copy):
    found = []
    for name, alone in (("alone", {"jobs": {"finetune": None}}), ("shared", {})):
        workspace = copy(f"further_{name}", JOBS)
        workspace.experiment("heir", {"inherits": "small", "tasks": [*TASKS, "arc_easy", "openbookqa"], **alone})
        files = [f"results/small/adapters/openbookqa/epoch_{epoch}/run.json" for epoch in (1, 2)]
        assert workspace.plan(*files)["finetune_heir_1"] == (name == "shared")
        workspace.run(*files)
        found.append(contents(workspace))
    assert found[0] == found[1] != {}
    assert (workspace.folder / "results/heir/logs/finetune/together_1.log").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_job_goes_on_at_the_task_and_the_epoch_where_it_was(copy, workspaces, monkeypatch, tally, number):
    """Although Snakemake removes the outputs of a job that failed."""
    monkeypatch.setenv(INTERVAL, "0")
    workspace = copy("killed", JOBS)
    target, state = TARGETS[2], workspace.folder / "results/small/state/finetune/piqa/epoch_1.safetensors"
    command = [sys.executable, "-m", "snakemake", target, "--cores", "1"]
    with subprocess.Popen(
        command, cwd=workspace.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not state.exists() and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, number)
        process.wait()
    assert state.exists()
    if number == signal.SIGKILL:
        workspace.run("--unlock")
    workspace.run(target)
    said = log(workspace)
    assert "piqa/epoch_1.safetensors: going on from saved state" in said
    assert "boolq epoch" not in said
    folder = workspace.folder / "results/small/adapters"
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."):
        name = path.relative_to(folder.parent).as_posix()
        assert sha256(path) == sha256(workspaces[0].folder / "results/small" / name), name
    tally("kills")


def test_a_profile_says_of_a_larger_job_what_it_says_of_a_small_one(workspaces):
    done = workspaces[1].snakemake(TARGETS[0], "-n", "--forceall", "--workflow-profile", "profiles/slurm")
    (job,) = re.findall(r"\nrule finetune_small_1:.*?(?=\n\[|\Z)", done.stdout + done.stderr, re.DOTALL)
    assert "slurm_partition=gpu" in job
    assert "gpu=1" in job
