# What the rules share: experiments, tasks and sources as tables, and what a stage's code is.
# Nothing heavy is imported: this is read again by every job on a cluster.
import json
import os
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The folder of this workflow, which is not where it works when it is a module of another one.
ROOT = Path(str(workflow.current_basedir)).resolve().parent
sys.path.insert(0, str(ROOT))

from p2w.config import experiments, targets
from p2w.config.base_model import MODEL_FILES
from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table
from p2w.config.generator import KINDS as GENERATORS
from p2w.config.settings import find_folder
from p2w.runtime.code import stage_script
from p2w.runtime.known_code import known_code_hash

# Jobs run the interpreter that runs Snakemake, whether its environment is activated or not, unless they have an environment
# of their own; and in that, too, the p2w that lies here.
FIRST = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(ROOT)}
os.environ.update({name: os.pathsep.join(filter(None, [place, os.environ.get(name)])) for name, place in FIRST.items()})

ADAPTER = "adapter_model.safetensors"
EPOCH_FILES = {
    "adapter": ADAPTER,
    "config": "adapter_config.json",
    "snapshots": "snapshots.safetensors",
    "state": "training_state.safetensors",
    "run": "run.json",
}
MAKES_ADAPTERS = ("source", "seed", "base_model", "lora", "finetune", "checkpoints")
# Adapters for comparison: from the training adapters, from all training samples, from a decoder with other prompts.
NEAREST = "nearest_prompts"
CONTROLS = ["weight_average", NEAREST]
MULTI_TASK, LONGER = "multi_task", "multi_task_long"
PROMPT_CONTROLS = ["shuffled_prompts", "foreign_prompts", "random_prompts"]
# Priority of what generators are made from: the longest way to an evaluation, for which its controls need not wait.
BEFORE_GENERATORS = 1
CONFIG = Path(config.get("config_dir", os.path.relpath(ROOT / "config")))


def readable(call, *arguments):
    """A call of p2w; what it finds wrong with the configuration is Snakemake's own kind of error, in one line."""
    try:
        return call(*arguments)
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None


# All suites in the folder, or one file of that name.
TASK_PLACE = CONFIG / "tasks" if (CONFIG / "tasks").is_dir() else CONFIG / "tasks.yaml"
TASK_TABLE = readable(read_task_table, TASK_PLACE)
SOURCES = readable(read_sources, CONFIG / "sources.yaml")
EXPERIMENT_FILES = readable(find_experiments, CONFIG / "experiments")
EXPERIMENTS = readable(Experiments, EXPERIMENT_FILES, TASK_TABLE, SOURCES)


def task_entry(name):
    """A task's entry in the table; `{task}.{format}` is the task asked in another of the table's answer formats."""
    return readable(experiments.task_entry, TASK_TABLE, name)


def read_experiment(name):
    """An experiment file laid over the one it inherits from."""
    return readable(EXPERIMENTS.read, name)


def experiment(name):
    """A complete, valid experiment; its tasks exist."""
    return readable(EXPERIMENTS.whole, name)


# A task of the table, or one of them asked in another answer format: `arc_easy`, `arc_easy.words`.
TASK_NAME = (
    f"({'|'.join(map(re.escape, TASK_TABLE['tasks']))})([.]({'|'.join(map(re.escape, TASK_TABLE['formats']))}))?"
)


GROUP_NAMES = sorted({group for name in EXPERIMENT_FILES for group in experiment(name).groups})
HELD_OUT = f"({'|'.join([TASK_NAME, *map(re.escape, GROUP_NAMES)])})"


wildcard_constraints:
    experiment="|".join(map(re.escape, EXPERIMENT_FILES)),
    source="|".join(SOURCES),
    task=TASK_NAME,
    held_out=HELD_OUT,
    split="[a-z]+",
    epoch="[1-9][0-9]*",
    run="(seed_[0-9]+/)?",
    draw="[0-9]+",
    control="|".join(CONTROLS),
    generator="|".join(kind for kind in GENERATORS if kind != "hyperconv"),
    by=f"(generators/({'|'.join(GENERATORS)})/)?",
    model="[A-Za-z0-9._-]+",
    packaged="[A-Za-z0-9._-]+",
    name="[A-Za-z0-9][A-Za-z0-9._-]*",


@cache
def adapters_of(name):
    """The experiment whose adapters this one uses: the one it inherits from, where nothing that makes them differs."""
    parent = readable(EXPERIMENTS.parent, name)
    own = read_experiment(name)
    if parent is None or any(own.get(key) != read_experiment(parent).get(key) for key in MAKES_ADAPTERS):
        return name
    return adapters_of(parent)


def as_argument(value):
    """A configuration value as one command-line argument, the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def stage(name):
    """Params function: one section of the experiment, so that a change reruns just the stages that read it."""

    def section(wildcards):
        return as_argument(getattr(experiment(wildcards.experiment), name).given())

    return section


def value(section, key):
    """Params function: one value of an experiment's section."""

    def single(wildcards):
        return getattr(getattr(experiment(wildcards.experiment), section), key)

    return single


def seed(wildcards):
    return experiment(wildcards.experiment).seed


def generator_seed(wildcards):
    """The seed of a generator and of what it draws: the experiment's own, or the one that the path names."""
    return int(re.search("[0-9]+", wildcards.run)[0]) if wildcards.run else seed(wildcards)


def script(stage):
    """Params function: the command of a stage. Where it lies is no reason to run it again, so it takes `input`."""

    def path(wildcards, input):
        return os.path.relpath(ROOT / stage_script(stage))

    return path


def code(stage):
    """Params function: what a stage's code is, without its wording; `--config code=off` leaves it out."""

    def essence(wildcards):
        return "off" if config.get("code") == "off" else readable(known_code_hash, stage)[:16]

    return essence


def turn(wildcards):
    """The held-out task or group that a product belongs to: that of its task, or the one that the path names."""
    if hasattr(wildcards, "task"):
        return experiment(wildcards.experiment).turn_of(wildcards.task)
    if getattr(wildcards, "control", None) == NEAREST:
        return experiment(wildcards.experiment).turn_of(wildcards.held_out)
    return wildcards.held_out


def held_out_tasks(wildcards):
    """The tasks that are held out together with this one or in this group."""
    return readable(EXPERIMENTS.held_out_in, wildcards.experiment, turn(wildcards))


def held_out_option(wildcards):
    """The option with what a generator must not have seen; that for everybody has none."""
    return ["--held-out", *held_out_tasks(wildcards)]


def training_tasks(wildcards):
    """Every task that the decoder for this held-out task or group may see."""
    held_out_tasks(wildcards)
    return experiment(wildcards.experiment).trained_without(turn(wildcards))


def model_files(spec):
    """Files that stand for a model: those in its folder, or the manifest of its download."""
    if spec.hub:
        return [f"results/models/{'--'.join(Path(spec.hub).parts)}--{spec.revision[:12]}.json"]
    if spec.path:
        if not find_folder(spec.path).is_dir():
            raise WorkflowError(f"path of a model: no folder {spec.path!r}")
        return sorted(path.as_posix() for path in find_folder(spec.path).rglob("*") if path.is_file())
    return []


def base_model(wildcards):
    """Params function: the base model as stages load it, one that a package brings from the folder that it was put in."""
    return as_argument(experiment(wildcards.experiment).base_model.placed.given())


def base_model_as_given(wildcards):
    """Params function: the base model as users of a generator find it, one that a package brings in that package."""
    return as_argument(experiment(wildcards.experiment).base_model.given())


def base_model_files(wildcards):
    spec = experiment(wildcards.experiment).base_model
    if spec.package:
        return [f"{spec.unpacked}/{file}" for file in MODEL_FILES]
    return model_files(spec)


def encoder_files(wildcards):
    return model_files(experiment(wildcards.experiment).encoder)
