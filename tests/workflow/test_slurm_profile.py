"""The SLURM profile as a plan: no SLURM is needed. tests/reliability/test_slurm.py runs it."""

import re
import subprocess
import sys

import pytest
import yaml

from tests.support.workspace import ALONE, PROJECT, Workspace

PROFILE = "profiles/slurm/profile.yaml"
DECODER = "results/pocket/decoder/boolq/decoder.safetensors"


def rules():
    """Text of every rule that runs in a job, by name; an heir's is that of the rule that it inherits from."""
    found = {}
    for path in sorted((PROJECT / "rules").glob("*.smk")):
        for text in re.split(r"\n(?=rule |use rule )", path.read_text())[1:]:
            heir = re.match(r"use rule (\w+) as (\w+) with:", text)
            name, text = (heir[2], found[heir[1]]) if heir else (text.split(":")[0].removeprefix("rule "), text)
            if "shell:" in text and "localrule: True" not in text:
                found[name] = text
    return found


@pytest.fixture(scope="module")
def profile():
    return yaml.safe_load((PROJECT / PROFILE).read_text())


def test_every_rule_that_needs_a_gpu_is_in_the_gpu_partition_and_no_other(profile):
    partitions = {name: entry.get("slurm_partition", "cpu") for name, entry in profile["set-resources"].items()}
    assert partitions == {name: "gpu" if "gpu=1" in text else "cpu" for name, text in rules().items()}


def test_every_rule_has_its_memory_and_runtime_in_the_profile(profile):
    for entry in profile["set-resources"].values():
        assert {"mem_mb", "runtime"} <= set(entry)


def test_no_allocation_holds_a_gpu_for_a_job_that_needs_none(profile):
    groups = dict(entry.split("=") for entry in profile["groups"])
    needs = {(group, "gpu=1" in rules()[rule]) for rule, group in groups.items()}
    assert len(needs) == len(set(groups.values()))
    assert {entry.split("=")[0] for entry in profile["group-components"]} <= set(groups.values())


def plan(workspace, *arguments):
    command = [sys.executable, "-m", "snakemake", *arguments, "-n", "-p", "--workflow-profile", "profiles/slurm"]
    done = subprocess.run(command, cwd=workspace.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_epochs_of_a_task_share_an_allocation(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.experiment("apart", {"inherits": "pocket", "jobs": ALONE, "seed": 1})
    text = plan(workspace, "results/apart/checkpoints/boolq.parquet")
    (group,) = re.findall(r"Group job finetune_apart_boolq.*?(?=\n\[|\Z)", text, re.DOTALL)
    assert group.count("rule finetune:") == 3
    assert "rule checkpoints:" not in group


@pytest.mark.parametrize("gpus", [1, 4])
def test_a_decoder_may_have_several_gpus(tmp_path, gpus):
    workspace = Workspace(tmp_path)
    if gpus > 1:
        workspace.edit(PROFILE, "decoder: {<<: *gpu,", f"decoder: {{<<: *gpu, gpu: {gpus},")
    text = plan(workspace, DECODER)
    (decoder,) = re.findall(r"\nrule decoder:.*?(?=\n\[|\Z)", text, re.DOTALL)
    assert f"gpu={gpus}," in decoder
    assert "slurm_partition=gpu" in decoder
    assert f"--nproc-per-node {gpus})" in decoder
