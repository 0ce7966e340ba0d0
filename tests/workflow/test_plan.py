"""What Snakemake would do: targets, wildcards, errors in the configuration. Nothing is run."""

import resource
import sys
import time

import pytest

from tests.support.experiments import whole
from tests.support.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("experiment", ["pocket", "pocket_formats", "qwen2.5-0.5b"])
def test_all_held_out_tasks_of_a_shipped_experiment(workspace, experiment):
    chosen = whole(experiment)
    tasks, held_out = chosen["tasks"], chosen.get("held_out", chosen["tasks"])
    decoders, draws = len(held_out) * len(chosen.get("seeds", [0])), chosen["evaluation"]["draws"]
    start = time.monotonic()
    jobs = workspace.plan(f"results/{experiment}/summary.md")
    seconds = time.monotonic() - start
    assert jobs["finetune"] == len(tasks) * chosen["checkpoints"]["epochs"]
    assert jobs["checkpoints"] == jobs["embeddings"] == len(tasks)
    assert jobs["decoder"] == jobs["constant"] == decoders
    assert jobs["generate"] == jobs["prompt_controls"] == decoders * draws
    assert jobs["evaluate"] == jobs["multi_task"] == jobs["prompt_variants"] == len(held_out)
    assert jobs["control"] == 2 * len(held_out)
    assert jobs["samples"] == len(tasks) + len(held_out)
    assert jobs["raw"] == 2 * len({task.partition(".")[0] for task in tasks})
    assert jobs["model"] == (2 if experiment == "qwen2.5-0.5b" else 0)
    assert seconds < 30, "a dry run should take a few seconds even on a busy machine"


def test_every_shipped_experiment_can_be_planned(workspace):
    """One held-out task each: its evaluation, or the decoder where free answers are not scored."""
    targets = []
    for name in sorted(path.stem for path in (workspace.folder / "config/experiments").rglob("*.yaml")):
        if name.endswith(("-math", "-coding")):
            targets.append(
                f"results/{name}/decoder/{'gsm8k' if name.endswith('-math') else 'mbpp'}/decoder.safetensors"
            )
        else:
            other = {"qwen2.5-0.5b-cross-domain": "qasc", "pocket_formats": "arc_challenge.digit"}
            held_out = other.get(name, "arc_challenge")
            targets.append(f"results/{name}/evaluation/{held_out}.json")
    assert len(targets) > 20
    further_seeds = 2  # of pocket_formats
    assert workspace.plan(*targets)["decoder"] == len(targets) + further_seeds


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
        "heavy = {'torch', 'transformers', 'peft', 'sentence_transformers', 'datasets'} & set(sys.modules)\n"
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


GROUPS = [{"words": ["boolq", "piqa"]}, "arc_easy"]


@pytest.mark.parametrize("trained", [True, False])
def test_tasks_that_are_held_out_together_have_one_decoder(workspace, trained):
    """And one of each control that reads no prompt of a task."""
    evaluation = {"draws": 2, "trained": trained}
    workspace.experiment("grouped", {"inherits": "pocket", "held_out": GROUPS, "evaluation": evaluation})
    jobs = workspace.plan("results/grouped/summary.md")
    assert jobs["decoder"] == jobs["multi_task"] == jobs["constant"] == 2
    assert jobs["control"] == 2 + 3
    assert jobs["evaluate"] == jobs["prompt_variants"] == 3
    assert jobs["generate"] == jobs["prompt_controls"] == jobs["card"] == 3 * 2
    assert jobs["checkpoints"] == 8
    done = workspace.snakemake("results/grouped/evaluation/boolq.json", "-n")
    evaluate = (done.stdout + done.stderr).split("rule evaluate:")[1].split("output:")[0]
    assert "grouped/controls/words/constant/" in evaluate
    assert "grouped/controls/boolq/nearest_prompts/" in evaluate
    assert ("adapters/winogrande/" in evaluate) == trained
    assert "adapters/boolq/" in evaluate, "what was trained on the task itself"
    assert "adapters/piqa/" not in evaluate, "it is held out too"
    done = workspace.snakemake("results/grouped/decoder/boolq/decoder.safetensors", "-n")
    assert "boolq is held out together with others, as 'words'" in done.stdout + done.stderr
    (workspace.folder / "config/experiments/grouped.yaml").unlink()


@pytest.mark.parametrize("jobs", [{}, {"finetune": 8, "embeddings": 16}])
def test_a_hundred_tasks_are_planned_in_ten_seconds(tmp_path, jobs):
    workspace = Workspace(tmp_path)
    names = [f"task_{number}" for number in range(113)]
    (tmp_path / "mine.csv").write_text("question,a,b\n")
    with open(tmp_path / "config/tasks.yaml", "a") as table:
        table.writelines(f"  {name}: {{file: mine.csv}}\n" for name in names)
    big = {"inherits": "pocket", "tasks": names, "held_out": [{"unseen": names[:12]}], "seeds": [0, 1, 2], "jobs": jobs}
    workspace.experiment("big", {**big, "lora": {"rank": 3}, "evaluation": {"trained": False}})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = workspace.snakemake("results/big/summary.md", "--dry-run", "--quiet")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert after.ru_utime - before.ru_utime < 10, "seconds of a processor, whoever else uses it"


def test_a_task_in_another_format_has_the_tasks_rows(workspace):
    jobs = workspace.snakemake("results/pocket/samples/arc_easy.words/train.parquet", "--dry-run")
    text = jobs.stdout + jobs.stderr
    assert "results/raw/pocket/arc_easy/train.parquet" in text
    assert "results/raw/pocket/arc_easy.words" not in text


def test_a_file_of_questions_is_a_task_and_one_table_for_all_experiments(workspace):
    tasks = workspace.folder / "config/tasks.yaml"
    shipped = tasks.read_text()
    (workspace.folder / "mine.csv").write_text("question,a,b\n")
    tasks.write_text(f"{shipped}\n  mine: {{file: mine.csv}}\n  web: {{files: {{train: 'https://a.b/c.csv'}}}}\n")
    names = ("pocket", "qwen2.5-0.5b", "pocket_formats")
    targets = [f"results/{name}/samples/mine/{split}.parquet" for name in names for split in ("train", "test")]
    assert workspace.plan(*targets) == {"raw": 2, "samples": 6}
    done = workspace.snakemake("results/pocket/samples/web/train.parquet", "results/raw/local/web/train.parquet", "-n")
    text = done.stdout + done.stderr
    tasks.write_text(shipped)
    assert "data/hub/a.b/c.csv" in text, "a local source has the web too"
    done = workspace.snakemake("results/raw/files/boolq/train.parquet", "-n")
    assert "found a dataset of the Hub, google/boolq, expected files of one's own" in done.stdout + done.stderr


def test_each_seed_has_a_decoder_of_its_own(workspace):
    first = "results/pocket_formats/generated/boolq.bracket_letter/draw_0/adapter_model.safetensors"
    assert workspace.plan(first, first.replace("draw_0", "seed_2/draw_0"))["decoder"] == 2


def test_every_rule_says_what_it_needs(workspace):
    for path in sorted((workspace.folder / "rules").glob("*.smk")):
        rules = path.read_text().split("\nrule ")[1:]
        for rule in (rule for rule in rules if "shell:" in rule):
            for directive in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "conda:"):
                assert directive in rule, f"{path.name}: rule {rule.split(':')[0]} has no {directive}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"finetune": {"learning_rate": "1e-4"}},
            "bad.yaml: finetune.learning_rate: found '1e-4', expected a number above 0 (YAML reads 1e-4 as text",
        ),
        ({"tasks": ["boolq", "arc_chalenge"]}, "no task 'arc_chalenge'; did you mean 'arc_challenge'? tasks: arc_easy"),
    ],
)
def test_errors_in_an_experiment_name_what_exists(workspace, content, message):
    workspace.experiment("bad", {"inherits": "pocket", **content})
    done = workspace.snakemake("results/bad/summary.md", "--dry-run")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    (workspace.folder / "config/experiments/bad.yaml").unlink()
