"""What Snakemake would do: targets, wildcards, errors in the configuration. Nothing is run."""

import sys
import time

import pytest
import yaml

from tests.workspace import PROJECT, Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("experiment", ["pocket", "qwen2.5-0.5b"])
def test_all_held_out_tasks_of_a_shipped_experiment(workspace, experiment):
    tasks = yaml.safe_load((PROJECT / f"config/experiments/{experiment}.yaml").read_text())["tasks"]
    settings = yaml.safe_load((PROJECT / f"config/experiments/{experiment}.yaml").read_text())
    start = time.monotonic()
    jobs = workspace.plan(f"results/{experiment}/summary.md")
    seconds = time.monotonic() - start
    assert jobs["finetune"] == len(tasks) * settings["checkpoints"]["epochs"]
    assert jobs["checkpoints"] == jobs["embeddings"] == jobs["decoder"] == jobs["evaluate"] == len(tasks)
    assert jobs["generate"] == len(tasks) * settings["evaluation"]["draws"]
    assert jobs["samples"] == 2 * len(tasks)
    assert jobs["model"] == (0 if experiment == "pocket" else 2)
    assert seconds < 15, "a dry run should take a few seconds even on a busy machine"


def test_every_shipped_experiment_can_be_planned(workspace):
    """One held-out task each: its evaluation, or the decoder where free answers are not scored."""
    targets = []
    for name in sorted(path.stem for path in (workspace.folder / "config/experiments").rglob("*.yaml")):
        if name.endswith(("-math", "-coding")):
            targets.append(
                f"results/{name}/decoder/{'gsm8k' if name.endswith('-math') else 'mbpp'}/decoder.safetensors"
            )
        else:
            held_out = "qasc" if name.endswith("cross-domain") else "arc_challenge"
            targets.append(f"results/{name}/evaluation/{held_out}.json")
    assert len(targets) > 20
    assert workspace.plan(*targets)["decoder"] == len(targets)


def test_an_ablation_uses_the_adapters_of_the_experiment_it_inherits_from(workspace):
    whole, ablation, other = (
        f"results/{name}/decoder/arc_challenge/decoder.safetensors"
        for name in ("qwen2.5-0.5b", "qwen2.5-0.5b-glove", "qwen2.5-0.5b-per-step")
    )
    assert workspace.plan(whole)["finetune"] == workspace.plan(whole, ablation)["finetune"] == 6 * 3
    assert workspace.plan(whole, other)["finetune"] == 6 * 3 + 6 * 5


def test_a_free_answer_is_not_scored_and_says_what_can_be_had(workspace):
    done = workspace.snakemake("results/qwen2.5-1.5b-math/evaluation/gsm8k.json", "--dry-run")
    assert done.returncode != 0
    assert "gsm8k: free responses are not scored" in done.stdout + done.stderr
    assert "generated/gsm8k/draw_0" in done.stdout + done.stderr


def test_planning_imports_nothing_heavy(workspace):
    code = (
        "import sys, snakemake.cli\n"
        "try: snakemake.cli.main(['results/pocket/summary.md', '-n', '-q', '--cores', '1'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'peft', 'sentence_transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=workspace.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_task_outside_the_experiment_can_be_held_out(workspace):
    jobs = workspace.plan("results/qwen2.5-0.5b/generated/social_iqa/draw_0/adapter_model.safetensors")
    assert jobs["checkpoints"] == 7
    assert jobs["embeddings"] == 8


def test_every_rule_says_what_it_needs(workspace):
    for path in sorted((workspace.folder / "rules").glob("*.smk")):
        rules = path.read_text().split("\nrule ")[1:]
        for rule in rules:
            for directive in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "conda:"):
                assert directive in rule, f"{path.name}: rule {rule.split(':')[0]} has no {directive}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"finetune": {"learning_rate": "1e-4"}}, "learning_rate"),
        ({"finetune": {"lr": 1.0e-4}}, "'lr' was unexpected"),
        ({"tasks": ["boolq"]}, "is too short"),
        ({"tasks": ["boolq", "arc_chalenge"]}, "no task 'arc_chalenge'; tasks: arc_easy, arc_challenge, boolq"),
        ({"source": "disk"}, "no source 'disk'; sources: hub, local, pocket"),
        ({"inherits": "pockett"}, "no experiment 'pockett'; experiments: bad, pocket, qwen2.5-0.5b"),
        ({"base_model": {"hub": "a/b"}}, "is not valid under any of the given schemas"),
    ],
)
def test_errors_in_an_experiment_name_what_exists(workspace, content, message):
    workspace.experiment("bad", {"inherits": "pocket", **content})
    done = workspace.snakemake("results/bad/summary.md", "--dry-run")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    (workspace.folder / "config/experiments/bad.yaml").unlink()
