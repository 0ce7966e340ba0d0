"""Targets with a slip, and slips that Snakemake itself is asked about: what a user of the workflow reads."""

import pytest

from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table
from p2w.config.targets import explain_target
from tests.support.refusals import refused
from tests.support.workspace import PROJECT, Workspace

CONFIG = PROJECT / "config"
EXPERIMENTS = Experiments(
    find_experiments(CONFIG / "experiments"), read_task_table(CONFIG / "tasks"), read_sources(CONFIG / "sources.yaml")
)


TARGETS = {
    "pockett/summary.md": r"no experiment 'pockett'; did you mean 'pocket'\? experiments: pocket",
    "pocket/sumary.md": r"no product 'sumary\.md'; did you mean 'summary\.md'\? products: samples",
    "pocket/checkpoints/bolq.parquet": r"no task 'bolq'; did you mean 'boolq'\?",
    "pocket/evaluation/boolq.wrods.json": r"no format 'wrods'; did you mean 'words'\?",
    "pocket/evaluation/gsm8k.words.json": r"task 'gsm8k' is answered freely",
    "pocket/evaluation/boolq.csv": r"no format 'csv'",
    "pocket/samples/boolq/train.csv": r"no such file can be made",
    "pocket/generators/ridge/boolq": r"no generator 'ridge'; generators: hyperconv$",
    "pocket_generators/generators/rigde/boolq": r"no generator 'rigde'; did you mean 'ridge'\? generators: hyper",
    "pocket_generators/generators/ridge/bolq": r"no task 'bolq'; did you mean 'boolq'\?",
    "pocket_generators/generators/ridge/generated/bolq/draw_0": r"no task 'bolq'; did you mean 'boolq'\?",
    "pocket_generators/generators/ridge/generated": r"no such file can be made",
    "pocket_formats_ridge/generators/ridge/generated/boolq": r"did you mean results/pocket_formats_ridge/generated/boo",
    "pocket/x\ny": r"no product 'x\\ny'",
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_with_a_slip_is_answered_with_what_exists(target, tally):
    tally("bad inputs")
    start = f"results/{target}" if target.isprintable() else repr(f"results/{target}")
    refused(lambda: explain_target(target, EXPERIMENTS), start, TARGETS[target])


RIDGE = "pocket_generators/generators/ridge"
MEANT = {
    "pocket": "pocket/summary.md",
    "pocket/summary": "pocket/summary.md",
    "pocket/figures/": "pocket/figures/accuracy.png",
    "pocket/samples/boolq": "pocket/samples/boolq/train.parquet",
    "pocket/samples/boolq/test": "pocket/samples/boolq/test.parquet",
    "pocket/adapters/boolq/": "pocket/adapters/boolq/epoch_1/adapter_model.safetensors",
    "pocket/adapters/boolq/epoch_3": "pocket/adapters/boolq/epoch_3/adapter_model.safetensors",
    "pocket/checkpoints/boolq": "pocket/checkpoints/boolq.parquet",
    "pocket/embeddings/boolq.words": "pocket/embeddings/boolq.words.parquet",
    "pocket/decoder/boolq": "pocket/decoder/boolq/decoder.safetensors",
    "pocket/decoder/boolq/seed_1/": "pocket/decoder/boolq/seed_1/decoder.safetensors",
    "pocket/generated/boolq": "pocket/generated/boolq/draw_0/adapter_model.safetensors",
    "pocket/generated/boolq/seed_2/draw_0/": "pocket/generated/boolq/seed_2/draw_0/adapter_model.safetensors",
    f"{RIDGE}/boolq": f"{RIDGE}/boolq/generator.safetensors",
    f"{RIDGE}/generated/boolq/": f"{RIDGE}/generated/boolq/draw_0/adapter_model.safetensors",
    "pocket/controls/boolq/multi_task": "pocket/controls/boolq/multi_task/adapter_model.safetensors",
    "pocket/evaluation": "pocket/evaluation/arc_easy.json",
    "pocket/evaluation/boolq": "pocket/evaluation/boolq.json",
}


@pytest.mark.parametrize("target", MEANT)
def test_a_folder_or_a_name_without_its_ending_is_answered_with_the_file(target, tally):
    tally("bad inputs")
    message = rf": that is a (folder|name without its ending); did you mean results/{MEANT[target]}\?$"
    refused(lambda: explain_target(target, EXPERIMENTS), f"results/{target}", message)


ASKED = {
    "results/pockett/summary.md": "no experiment 'pockett'; did you mean 'pocket'?",
    "results/pocket/adapters/bolq/epoch_1/adapter_model.safetensors": "no task 'bolq'; did you mean 'boolq'?",
    "results/pocket/samples/boolq/validation.parquet": "boolq: no split 'validation'; splits: train, test",
    "results/pocket/adapters/boolq/epoch_0/adapter_model.safetensors": "see results/README.md",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("target", ASKED)
def test_snakemake_says_so_and_makes_nothing(workspace, target, tally):
    tally("bad inputs")
    assert ASKED[target] in workspace.refusal(target)
    assert not (workspace.folder / "results").exists()


SLIPS = {
    "tasks/math.yaml": ("tasks:", "taskz:", "unknown key 'taskz'; known keys: formats, base, defaults, tasks"),
    "experiments/pocket.yaml": (
        "kernel_size: 3",
        "kernel_size: 4",
        "decoder.kernel_size: found 4, expected an odd num",
    ),
    # Not the experiment that is asked for.
    "experiments/pocket_formats.yaml": ("seeds: [0", "seeds: [1.5", "seeds[0]: found 1.5, expected an integer"),
}


@pytest.mark.parametrize("file", SLIPS)
def test_snakemake_names_the_file_and_the_key_of_a_slip(workspace, file, tally):
    tally("bad inputs")
    right, wrong, message = SLIPS[file]
    workspace.edit(f"config/{file}", right, wrong)
    assert f"config/{file}: {message}" in workspace.refusal("results/pocket/summary.md")
    workspace.edit(f"config/{file}", wrong, right)
