"""Experiment files, their schema and the dataclasses that read them say the same."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from p2w.adapters import LoraSettings
from p2w.base_model import BaseModel
from p2w.config import parse
from p2w.decoder_config import DecoderConfig
from p2w.embeddings import PromptSelection
from p2w.evaluation import EvaluationConfig
from p2w.finetune_config import FinetuneConfig
from p2w.prompt_encoder import PromptEncoder
from p2w.sources import load_sources
from p2w.tasks import Task, load_tasks

CONFIG = Path(__file__).parent.parent / "config"
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


def test_task_schema_and_dataclass_have_the_same_keys():
    described = schema("tasks")["properties"]["tasks"]["additionalProperties"]["properties"]
    assert set(described) == {field.name for field in dataclasses.fields(Task)}


@pytest.mark.parametrize("path", sorted((CONFIG / "experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_section_of_a_shipped_experiment_is_read_by_its_dataclass(path):
    content = yaml.safe_load(path.read_text())
    parent = yaml.safe_load((path.parent / f"{content.get('inherits', path.stem)}.yaml").read_text())
    for section, cls in SECTIONS.items():
        both = {**parent[section], **content.get(section, {})}
        parse(cls, {key: value for key, value in both.items() if key not in COUNTS.get(section, set())})
    table = load_tasks(CONFIG / "tasks.yaml")
    for task, _, form in (name.partition(".") for name in content["tasks"] + content.get("held_out", [])):
        assert task in table.tasks
        assert form in table.formats or not form
    assert parent["source"] in load_sources(CONFIG / "sources.yaml")


def test_formats_state_themselves_in_every_prompt():
    for name, form in load_tasks(CONFIG / "tasks.yaml").formats.items():
        assert form.prompt.splitlines()[-1].startswith("Answer with "), name
