# What the rules share: experiments, tasks and sources as tables, and the files that a stage's code consists of.
# Standard library and yaml only: this is read again by every job on a cluster.
import json
import sys
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from p2w.code import code_files

# The interpreter that runs Snakemake runs its jobs too, whether its environment is activated or not.
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f"export PATH='{Path(sys.executable).parent}':\"$PATH\"; ")

ADAPTER = "adapter_model.safetensors"
EPOCH_FILES = {
    "adapter": ADAPTER,
    "config": "adapter_config.json",
    "snapshots": "snapshots.safetensors",
    "state": "training_state.safetensors",
    "run": "run.json",
}
MAKES_ADAPTERS = ("source", "seed", "base_model", "lora", "finetune", "checkpoints")
CONTROLS = ["weight_average", "nearest_prompts"]
CONFIG = Path(config.get("config_dir", "config"))
SCHEMAS = Path("config/schemas").resolve()


def read_config(path, schema):
    """A YAML file that satisfies a closed schema; errors name the file."""
    with open(path, encoding="utf-8") as file:
        content = yaml.safe_load(file) or {}
    validate(content, SCHEMAS / f"{schema}.schema.yaml", set_default=False)
    return content


TASK_TABLE = read_config(CONFIG / "tasks.yaml", "tasks")
SOURCES = read_config(CONFIG / "sources.yaml", "sources")
EXPERIMENT_FILES = {path.stem: path for path in sorted((CONFIG / "experiments").rglob("*.yaml"))}


wildcard_constraints:
    experiment="|".join(map(re.escape, EXPERIMENT_FILES)),
    source="|".join(SOURCES),
    task="|".join(map(re.escape, TASK_TABLE["tasks"])),
    held_out="|".join(map(re.escape, TASK_TABLE["tasks"])),
    split="[a-z]+",
    epoch="[1-9][0-9]*",
    draw="[0-9]+",
    control="[a-z_]+",
    model="[A-Za-z0-9._-]+",


def overlay(base, change):
    """`base` with the keys of `change`: mappings merged, null takes a key away, everything else replaced."""
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = overlay(merged[key], value) if both else value
    return {key: value for key, value in merged.items() if value is not None}


@cache
def read_experiment(name):
    """An experiment file laid over the one it inherits from."""
    if name not in EXPERIMENT_FILES:
        raise WorkflowError(f"no experiment {name!r}; experiments: {', '.join(sorted(EXPERIMENT_FILES))}")
    with open(EXPERIMENT_FILES[name], encoding="utf-8") as file:
        content = yaml.safe_load(file) or {}
    parent = content.pop("inherits", None)
    return content if parent is None else overlay(read_experiment(parent), content)


@cache
def experiment(name):
    """A complete, valid experiment; its tasks exist."""
    content = read_experiment(name)
    validate(content, SCHEMAS / "experiment.schema.yaml", set_default=False)
    for task in content["tasks"] + content.get("training_tasks", []):
        if task not in TASK_TABLE["tasks"]:
            known = ", ".join(TASK_TABLE["tasks"])
            raise WorkflowError(f"experiment {name!r}: no task {task!r}; tasks: {known}")
    if content["source"] not in SOURCES:
        raise WorkflowError(f"experiment {name!r}: no source {content['source']!r}; sources: {', '.join(SOURCES)}")
    return content


@cache
def adapters_of(name):
    """The experiment whose adapters this one uses: the one it inherits from, where nothing that makes them differs."""
    with open(EXPERIMENT_FILES[name], encoding="utf-8") as file:
        parent = (yaml.safe_load(file) or {}).get("inherits")
    if parent is None or any(experiment(name)[key] != read_experiment(parent).get(key) for key in MAKES_ADAPTERS):
        return name
    return adapters_of(parent)


def as_argument(value):
    """A configuration value as one command-line argument, the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def stage(name):
    """Params function: one section of the experiment, so that a change reruns just the stages that read it."""

    def section(wildcards):
        return as_argument(experiment(wildcards.experiment)[name])

    return section


def value(section, key):
    """Params function: one value of an experiment's section."""

    def single(wildcards):
        return experiment(wildcards.experiment)[section][key]

    return single


def seed(wildcards):
    return experiment(wildcards.experiment)["seed"]


def code(script):
    """A script and every p2w module that it imports, so that an edit reruns exactly what it affects."""
    path = f"workflow/scripts/{script}.py"
    return [path, *(file for file in code_files(path) if file != path)]


def training_tasks(wildcards):
    """Every task that the decoder for this held-out task may see."""
    chosen = experiment(wildcards.experiment)
    return [task for task in chosen.get("training_tasks", chosen["tasks"]) if task != wildcards.held_out]


def model_files(spec):
    """Files that stand for a model: those in its folder, or the manifest of its download."""
    if "hub" in spec:
        return [f"results/models/{'--'.join(Path(spec['hub']).parts)}--{spec['revision'][:12]}.json"]
    if "path" in spec:
        if not Path(spec["path"]).is_dir():
            raise WorkflowError(f"path of a model: no folder {spec['path']!r}")
        return sorted(path.as_posix() for path in Path(spec["path"]).rglob("*") if path.is_file())
    return []


def base_model_files(wildcards):
    return model_files(experiment(wildcards.experiment)["base_model"])


def encoder_files(wildcards):
    return model_files(experiment(wildcards.experiment)["encoder"])
