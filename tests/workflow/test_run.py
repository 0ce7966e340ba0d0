"""The whole workflow, once, on a small version of the pocket experiment: what is there when it is done."""

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

from p2w.evaluation.evaluation_file import ORDER
from p2w.runtime.files import read_json, sha256
from tests.support.breaking import flip
from tests.support.finished import EVALUATION, SUMMARY, TASKS

pytestmark = pytest.mark.xdist_group("workflow")


def test_evaluation_follows_the_contract(done):
    result = read_json(done.folder / EVALUATION)
    assert (result["experiment"], result["held_out"], result["split"], result["n"]) == ("small", "boolq", "test", 20)
    trained = ["trained/openbookqa.words", "trained/piqa"]
    assert list(result["sources"]) == ["base", *trained, *(name for name in ORDER[2:] if name != "multi_task_long")]
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


def test_a_damaged_file_is_named_with_the_command_that_makes_it_again(workspace):
    target, name = "results/small/generated/boolq/draw_0/run.json", "results/small/embeddings/boolq.parquet"
    whole = sha256(workspace.folder / name)
    flip(workspace.folder / name, 0.5)
    text = workspace.refusal(target)
    said = re.search(rf"error: {name}: damaged, .*; make it again: (rm .*)", text)
    assert said, text
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
    report = "results/small/report.html"
    done.run(SUMMARY, "--report", report)
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
    assert "Nothing to be done" in done.run(SUMMARY)
