"""Dry runs of generators: which kinds an experiment has, what each needs, and what is refused."""

import re
from math import ceil

import pytest

from tests.support.experiments import whole
from tests.support.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("project"))


def test_another_generator_uses_the_adapters_of_the_experiment_it_inherits_from(workspace):
    first, second = (
        f"results/{name}/evaluation/piqa.digit.json" for name in ("pocket_formats", "pocket_formats_ridge")
    )
    alone, both, ridge = workspace.plan(first), workspace.plan(first, second), workspace.plan(second)
    assert both["finetune"] == alone["finetune"] == ridge["finetune"]
    assert (ridge["decoder"], ridge["generator"], both["generator"], both["decoder"]) == (0, 1, 1, alone["decoder"])


def test_tasks_that_only_an_heir_has_share_jobs_too(workspace):
    """Their adapters lie with those of the experiment that it inherits from."""
    size, tasks = (whole("pocket_growth")[key] for key in ("jobs", "tasks"))
    known = whole("pocket_formats")["tasks"]
    further = [f"results/pocket_formats/checkpoints/{task}.parquet" for task in tasks if task not in known]
    made = workspace.plan(*further)
    together = {rule for rule in made if rule.startswith("finetune_")}
    jobs = ceil(len(further) / size["finetune"])
    assert together == {f"finetune_pocket_growth_{number}" for number in range(1, jobs + 1)}
    assert made["finetune"] == 0


def test_a_task_is_read_once_for_all_that_is_fitted_on_it(workspace):
    """Whatever is held out; as many tasks a job as when prompts are encoded. A decoder needs none of it."""
    fold = "results/{}/evaluation/{}.json"
    tasks, size = (whole("pocket_formats_ridge")[key] for key in ("tasks", "jobs"))
    one, two = (fold.format("pocket_formats_ridge", task) for task in ("piqa.digit", "boolq.digit"))
    made = workspace.plan(one, two)
    together = [rule for rule in made if rule.startswith("centroid_pocket_formats_ridge_")]
    assert (made["generator"], len(together), made["centroid"]) == (2, len(tasks) / size["embeddings"], 0)
    assert not [rule for rule in workspace.plan(fold.format("pocket_formats", "piqa.digit")) if "centroid" in rule]


def test_a_generator_that_is_trained_reads_samples_and_has_a_job_for_every_seed(workspace):
    names = {"basis": "basis", "hypernetwork": "hypernetwork", "learned_decoder": "decoder"}
    for kind, name in {kind: f"pocket_formats_{name}" for kind, name in names.items()}.items():
        jobs = workspace.plan(f"results/{name}/evaluation/piqa.digit.json")
        assert (jobs["decoder"], jobs["generator"], jobs["learned_generator"]) == (0, 0, 3)
        target = f"results/{name}/generators/{kind}/piqa.digit/seed_1/generator.safetensors"
        assert workspace.plan(target)["learned_generator"] == 1


def test_the_generator_for_everybody_learns_from_every_task_and_is_of_the_experiments_kind(workspace):
    chosen = whole("pocket_formats")
    tables = len(chosen["tasks"]) // chosen["jobs"]["finetune"]
    for name, rule in (("pocket_formats", "decoder_of_all"), ("pocket_formats_ridge", "generator_of_all")):
        jobs = workspace.plan(f"results/{name}/generator/README.md")
        assert (jobs[rule], jobs["generator_folder"]) == (1, 1)
        assert sum(jobs[f"checkpoints_pocket_formats_{number}"] for number in range(1, tables + 1)) == tables == 8
        assert not {"decoder", "generator", "evaluate", "generate_0_to_4"} & {rule for rule in jobs if jobs[rule]}


def test_every_file_of_prompts_has_an_adapter_of_one_generator(workspace):
    (workspace.folder / "prompts").mkdir()
    for name in ("mine", "my_other.one"):
        (workspace.folder / f"prompts/{name}.txt").write_text("Is ice cold?\n")
    targets = [f"results/pocket/adapters_for/{name}/adapter_config.json" for name in ("mine", "my_other.one")]
    jobs = workspace.plan(*targets)
    assert (jobs["adapter_for"], jobs["decoder_of_all"], jobs["generator_folder"]) == (2, 1, 1)
    assert "prompts/missing.txt" in workspace.refusal("results/pocket/adapters_for/missing/run.json", "--dry-run")


def test_a_generator_that_an_experiment_does_not_have(workspace):
    said = workspace.refusal("results/pocket/generators/ridge/piqa/generator.safetensors", "--dry-run")
    assert "pocket has no generator of kind ridge; its generators: hyperconv" in said
    adapter = "results/pocket_formats_ridge/generators/ridge/generated/piqa.digit/draw_0/adapter_model.safetensors"
    said = workspace.refusal(adapter, "--dry-run")
    assert "pocket_formats_ridge has no further generator of kind ridge; its generators: ridge" in said


def test_further_generators_beside_a_decoder_for_every_seed(workspace):
    """The same draws of the same prompts; whatever the seeds, a closed form has one. A pooled adapter is trained on the
    budget of one task and, where a generator learns from samples, on as many as that."""
    one = "results/pocket_generators/evaluation/piqa.bracket_letter.json"
    alone, beside = workspace.plan(one.replace("_generators", "_formats")), workspace.plan(one)
    assert (beside["generator"], beside["learned_generator"]) == (2, 3)
    assert beside["decoder"] == alone["decoder"] == 3
    assert beside["generate_0_to_4"] - alone["generate_0_to_4"] == 2 + 3
    assert (alone["multi_task"], beside["multi_task"]) == (1, 2)
    shared = ("constant", "control", "finetune")
    assert {rule: beside[rule] for rule in shared} == {rule: alone[rule] for rule in shared}


def test_a_longer_pooled_adapter_is_for_generators_that_learn_from_samples(workspace):
    target = "controls/piqa.digit/multi_task_long/adapter_model.safetensors"
    assert workspace.plan(f"results/pocket_formats_basis/{target}")["multi_task"] == 1
    said = workspace.refusal(f"results/pocket_formats_ridge/{target}", "--dry-run")
    assert "pocket_formats_ridge has no multi_task_long: none of its generators learns from labelled samples" in said


def test_an_experiment_may_say_how_much_the_longer_pooled_adapter_sees(workspace):
    """Beside a closed form, too; it stands beside the one on the budget of a task and is trained on so many samples."""
    workspace.experiment("longer", {"inherits": "pocket_formats_ridge", "evaluation": {"multi_task_samples": 700}})
    target = "results/longer/controls/piqa.digit/multi_task_long/adapter_model.safetensors"
    said = workspace.run(target, "--dry-run", "--printshellcmds")
    assert re.search(r'multi_task\.py .*"max_samples": 700', said)
    assert "--epochs" not in re.search(r"exec python \S*multi_task\.py .*", said)[0]
    assert workspace.plan("results/longer/evaluation/piqa.digit.json")["multi_task"] == 2


def test_further_generators_in_the_summary_of_an_experiment(workspace):
    jobs, chosen = workspace.plan("results/pocket_generators/summary.md"), whole("pocket_generators")
    turns, draws = len(chosen["held_out"]), chosen["evaluation"]["draws"]
    assert (jobs["decoder"], jobs["generator"], jobs["learned_generator"]) == (3 * turns, 2 * turns, 3 * turns)
    assert (jobs["generate_0_to_4"], jobs["card"]) == ((3 + 2 + 3) * turns, (3 + 2 + 3) * turns * draws)
    assert jobs["multi_task"] == 2 * turns


@pytest.mark.parametrize("main", ["ridge", "retrieval"])
def test_a_closed_form_in_front_of_a_decoder(workspace, main):
    """Which is the main one is the experiment's choice: what has seeds is trained with each, what has none once."""
    further = [{"kind": "hyperconv"}]
    workspace.experiment("turned", {"inherits": "pocket_formats", "generator": {"kind": main}, "generators": further})
    jobs = workspace.plan("results/turned/summary.md")
    (workspace.folder / "config/experiments/turned.yaml").unlink()
    assert (jobs["decoder"], jobs["generator"], jobs["constant"]) == (3 * 8, 8, 8)
    assert jobs["generate_0_to_4"] == (3 + 1) * 8


def test_a_bad_list_of_generators_is_refused_before_anything_runs(workspace):
    workspace.experiment("wrong", {"inherits": "pocket", "generators": [{"kind": "ridge", "temperature": 1}]})
    said = workspace.refusal("results/pocket/summary.md", "--dry-run")
    (workspace.folder / "config/experiments/wrong.yaml").unlink()
    assert re.search(r"wrong\.yaml: generators\[0\]\.temperature: found one beside kind ridge, expected kind ret", said)
