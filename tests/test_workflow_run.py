"""The whole workflow, once, on a small version of the pocket experiment; then: what is done again, and when."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from p2w.evaluation_file import ORDER
from p2w.files import read_json, sha256
from tests.breaking import flip
from tests.workspace import Workspace

pytestmark = pytest.mark.slow

TASKS = ["boolq", "piqa", "openbookqa.words"]
SMALL = {
    "inherits": "pocket",
    "tasks": TASKS,
    "seeds": [0, 1],
    "finetune": {"max_samples": 48, "batch_size": 16, "snapshots": 3},
    "checkpoints": {"epochs": 2, "first_epoch": 1},
    "prompts": {"max_per_task": 24},
    "decoder": {"num_prompts": 4, "shapes": [[8, 8, 96]], "steps": 6, "batch_size": 2, "warmup_steps": 1},
    "evaluation": {"draws": 2, "max_rows": 20},
}
EVALUATION = "results/small/evaluation/boolq.json"
# What a new decoder brings about, for two seeds and two draws.
AFTER_DECODER = {"constant": 2, "generate": 4, "prompt_controls": 4, "evaluate": 1}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    workspace.experiment("small", SMALL)
    workspace.run(EVALUATION)
    return workspace


@pytest.fixture
def workspace(done):
    """The finished workspace; configuration and code are put back after the test."""
    kept = {path: path.read_text() for folder in ("config", "p2w", "workflow") for path in texts(done, folder)}
    yield done
    for path, text in kept.items():
        if path.read_text() != text:
            path.write_text(text)


def texts(workspace, folder):
    return [path for suffix in ("yaml", "py") for path in sorted((workspace.folder / folder).rglob(f"*.{suffix}"))]


def change(workspace, **sections):
    workspace.experiment("small", {key: {**SMALL[key], **entry} for key, entry in sections.items()} | {
        key: entry for key, entry in SMALL.items() if key not in sections
    })  # fmt: skip


def test_evaluation_follows_the_contract(done):
    result = read_json(done.folder / EVALUATION)
    assert (result["experiment"], result["held_out"], result["split"], result["n"]) == ("small", "boolq", "test", 20)
    trained = ["trained/openbookqa.words", "trained/piqa"]
    assert list(result["sources"]) == ["base", *trained, *ORDER[2:]]
    for source, draws in (("generated", 2), ("generated/foreign_prompts", 2), ("constant", None)):
        assert result["sources"][source].get("draws") == draws
        assert result["sources"][source]["seeds"] == 2
    assert set(result["overlap"]["tasks"]) == set(TASKS)


SOURCES_ON_DISK = [
    "generated/boolq/draw_1",
    "generated/boolq/seed_1/draw_0",
    "controls/boolq/multi_task",
    "controls/boolq/weight_average",
    "controls/boolq/constant",
    "controls/boolq/seed_1/random_prompts/draw_1",
]


@pytest.mark.parametrize("source", SOURCES_ON_DISK)
def test_every_source_is_an_adapter_that_peft_loads(done, source):
    folder = done.folder / "results/small" / source
    base = AutoModelForCausalLM.from_pretrained(done.folder / "p2w/pocket/base_model", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder)
    assert torch.isfinite(model(input_ids=torch.arange(9).reshape(1, 9)).logits).all()


def test_draws_seeds_and_prompts_make_different_adapters(done):
    folders = ["generated/boolq/draw_0", "generated/boolq/draw_1", "generated/boolq/seed_1/draw_0"]
    folders += [f"controls/boolq/{name}_prompts/draw_0" for name in ("shuffled", "foreign", "random")]
    hashes = {sha256(done.folder / "results/small" / folder / "adapter_model.safetensors") for folder in folders}
    assert len(hashes) == len(folders)


def test_second_run_does_nothing(workspace):
    assert "Nothing to be done" in workspace.run(EVALUATION)


def test_touch_reruns_nothing(workspace):
    for path in sorted(workspace.folder.rglob("*")):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert not workspace.plan(EVALUATION)


def test_one_more_epoch_trains_one_more_epoch(workspace):
    change(workspace, checkpoints={"epochs": 3})
    jobs = workspace.plan(EVALUATION)
    assert jobs == {"finetune": 3, "checkpoints": 2, "multi_task": 1, "control": 2, "decoder": 2, **AFTER_DECODER}


def test_one_more_draw_generates_one_more(workspace):
    change(workspace, evaluation={"draws": 3})
    assert workspace.plan(EVALUATION) == {"generate": 2, "prompt_controls": 2, "evaluate": 1}


def test_one_more_seed_trains_one_more_decoder(workspace):
    workspace.experiment("small", {**SMALL, "seeds": [0, 1, 5]})
    each = {"decoder": 1, "constant": 1, "generate": 2, "prompt_controls": 2, "evaluate": 1}
    assert workspace.plan(EVALUATION) == each


def test_decoder_setting_leaves_adapters_alone(workspace):
    change(workspace, decoder={"steps": 7})
    assert workspace.plan(EVALUATION) == {"decoder": 2, **AFTER_DECODER}


def test_evaluation_setting_evaluates_only(workspace):
    change(workspace, evaluation={"max_rows": 10})
    assert workspace.plan(EVALUATION) == {"evaluate": 1}


def test_one_tasks_wording_reruns_that_task_and_what_learned_from_it(workspace):
    workspace.edit("config/tasks.yaml", "system: Pick the better way.", "system: Pick the best way.")
    jobs = workspace.plan(EVALUATION)
    assert (jobs["raw"], jobs["samples"], jobs["finetune"], jobs["embeddings"]) == (0, 1, 2, 1)
    assert (jobs["checkpoints"], jobs["decoder"], jobs["control"], jobs["evaluate"]) == (1, 2, 2, 1)
    assert (jobs["multi_task"], jobs["prompt_variants"]) == (1, 1)


def test_an_edit_of_a_module_reruns_the_stages_that_import_it(workspace):
    workspace.edit("p2w/metrics.py", "import math", "import math  # edited")
    assert workspace.plan(EVALUATION) == {"evaluate": 1}


def test_an_edit_of_the_generator_keeps_the_decoder(workspace):
    workspace.edit("workflow/scripts/generate.py", "import Path", "import Path  # edited")
    assert workspace.plan(EVALUATION) == {"generate": 4, "evaluate": 1}


def test_a_damaged_file_is_named_with_the_command_that_makes_it_again(workspace):
    target, name = "results/small/generated/boolq/draw_0/run.json", "results/small/embeddings/boolq.parquet"
    whole = sha256(workspace.folder / name)
    flip(workspace.folder / name, 0.5)
    done = workspace.snakemake(target)
    said = re.search(rf"error: {name}: damaged, .*; make it again: (rm .*)", done.stdout + done.stderr)
    assert done.returncode != 0
    assert said, done.stdout + done.stderr
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(said[1], shell=True, check=True, cwd=workspace.folder, env=environment, capture_output=True)
    assert sha256(workspace.folder / name) == whole
    workspace.run(target)
    assert "Nothing to be done" in workspace.run(target)


class Loads(HTMLParser):
    """What a page makes a browser load, and its style sheets; scripts are left out."""

    def __init__(self):
        super().__init__()
        self.found, self.styles, self.inside = [], "", ""

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        self.found += [value for name, value in attrs if name in ("src", "srcset", "href", "data") and tag != "a"]

    def handle_data(self, data):
        self.styles += data if self.inside == "style" else ""


def loads(path):
    page = Loads()
    page.feed(path.read_text(encoding="utf-8"))
    urls = [*page.found, *re.findall(r"(?:url\(|@import )([^);]*)", page.styles)]
    return [url[:80] for url in urls if not url.strip("'\"").startswith("data:")]


def test_report_is_one_page_that_loads_nothing(done):
    summary, report = "results/small/summary.md", "results/small/report.html"
    done.run(summary)
    done.run(summary, "--report", report)
    for name in (report, "results/small/summary.html"):
        assert loads(done.folder / name) == []
    text = (done.folder / report).read_text(encoding="utf-8")
    for name in ("summary.html", "summary.csv", "figures/accuracy.png", "figures/map.png", "figures/cost.png"):
        assert f"results/small/{name}" in text
    for caption in ("Wilson intervals", "principal axes", "Start with"):
        assert caption in text
    for task in TASKS:
        card = (done.folder / f"results/small/generated/{task}/draw_0/README.md").read_text()
        assert "| **this adapter (generated/draw_0)** |" in card
    assert "Nothing to be done" in done.run(summary)
