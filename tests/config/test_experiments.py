"""Experiment files, their schema and the dataclasses that read them say the same."""

import dataclasses
from pathlib import Path

import pytest
import torch
import yaml
from peft import LoraConfig
from transformers import Qwen2Config

from p2w.adapters.peft_folder import LoraSettings
from p2w.adapters.peft_layout import layout_of
from p2w.adapters.weight_tokens import WeightTokens
from p2w.base.base_model import BaseModel
from p2w.config.decoder import DecoderConfig
from p2w.config.finetuning import FinetuneConfig
from p2w.config.settings import parse
from p2w.config.sources import load_sources
from p2w.config.tasks import Task, load_tasks
from p2w.evaluation.evaluate import EvaluationConfig
from p2w.generators.hyperconv import HyperConvDecoder
from p2w.prompts.embeddings import PromptSelection
from p2w.prompts.encoder import PromptEncoder
from tests.support.experiments import FILES, whole

CONFIG = Path(__file__).parents[2] / "config"
SECTIONS = {
    "base_model": BaseModel,
    "lora": LoraSettings,
    "finetune": FinetuneConfig,
    "encoder": PromptEncoder,
    "prompts": PromptSelection,
    "decoder": DecoderConfig,
    "evaluation": EvaluationConfig,
}
# Keys that the workflow reads and no stage does.
COUNTS = {"evaluation": {"draws"}}


def schema(name):
    return yaml.safe_load((CONFIG / "schemas" / f"{name}.schema.yaml").read_text())


@pytest.mark.parametrize("section", SECTIONS)
def test_schema_and_dataclass_have_the_same_keys(section):
    described = set(schema("experiment")["properties"][section]["properties"]) - COUNTS.get(section, set())
    assert described == {field.name for field in dataclasses.fields(SECTIONS[section])}


def test_names_of_experiments_are_unique_and_make_one_folder():
    assert len(FILES) == len(list((CONFIG / "experiments").rglob("*.yaml")))
    assert all("/" not in name and name.strip() == name for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_section_of_a_shipped_experiment_is_read_by_its_dataclass(name):
    content = whole(name)
    for section, cls in SECTIONS.items():
        values = {key: value for key, value in content[section].items() if key not in COUNTS.get(section, set())}
        parse(cls, values)
    table, named = load_tasks(CONFIG / "tasks.yaml"), ("tasks", "training_tasks", "held_out")
    for task, _, form in (task.partition(".") for key in named for task in content.get(key, [])):
        assert task in table.tasks
        assert form in table.formats or not form
    assert content["source"] in load_sources(CONFIG / "sources.yaml")


# hidden, key-value and feed-forward width, layers: what the models' own configurations say.
QWEN = {"0.5B": (896, 128, 4864, 24), "1.5B": (1536, 256, 8960, 28), "7B": (3584, 512, 18944, 28)}
DIM = {"glove": 300, "t5": 768}


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("pocket")])
def test_the_decoder_of_an_experiment_fits_its_encoder_and_its_base_model(name):
    content = whole(name)
    hidden, kv, ffn, layers = QWEN[content["base_model"]["hub"].split("-")[1]]
    config = Qwen2Config(hidden_size=hidden, intermediate_size=ffn, num_hidden_layers=layers, vocab_size=11,
                         num_attention_heads=hidden // 128, num_key_value_heads=kv // 128, head_dim=128)  # fmt: skip
    rank, decoder = content["lora"]["rank"], content["decoder"]
    tokens = WeightTokens(layout_of(config, LoraConfig(r=rank, target_modules="all-linear"))).shape
    # As the published configurations end: (4296, 10, 130), (4508, 18, 258), (4928, 18, 514).
    count, rows = {"0.5B": (4296, 8), "1.5B": (4508, 16), "7B": (4928, 16)}[content["base_model"]["hub"].split("-")[1]]
    assert tokens == (count, rows + 2, kv + 2)
    condition = (decoder["num_prompts"], content["encoder"]["max_length"], DIM.get(name.rsplit("-", 1)[1], 384))
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


def test_formats_state_themselves_in_every_prompt():
    for name, form in load_tasks(CONFIG / "tasks.yaml").formats.items():
        assert form.prompt.splitlines()[-1].startswith("Answer with "), name
