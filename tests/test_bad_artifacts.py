"""Bad artifacts of every stage: what is damaged, foreign or of another experiment is named, and nothing is written."""

import json
import pickle
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from p2w.checkpoints import Block, read_checkpoints, write_blocks
from p2w.files import write_json
from p2w.seals import read_record, write_record
from tests.bad_world import Arguments, Case, World, answer, cases, write_foreign
from tests.breaking import (
    adapter_config,
    adapter_tensors,
    both,
    copied,
    cut,
    flipped,
    folder_instead,
    gone,
    option,
    replaced,
    setting,
    table,
    with_value,
)  # fmt: skip

WEIGHTS, STATE = "boolq/epoch_1/adapter_model.safetensors", "boolq/epoch_1/training_state.safetensors"
SNAPSHOTS, DECODER = "boolq/epoch_2/snapshots.safetensors", "decoder/decoder.safetensors"
PROMPTS, HELD = "boolq.embeddings.parquet", "held.embeddings.parquet"
AGAIN = r"make it again: rm (\S+) && snakemake \1 --cores 1"
ADAPTER_AGAIN = r"make it again: rm (\S+adapter_model\.safetensors) && snakemake \1 --cores 1"


def foreign(change=lambda tensors: tensors, rank: int = 2):
    return lambda world, _: write_foreign(world / "foreign/2.pt", rank, change)


def renamed(old: str, new: str):
    return lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()}


def dropped(part: str):
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if part not in name}


def listed(folder: str):
    """Name modules by their last part, as adapters of other programs do: then the config misses no layer."""
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return both(replaced(f"{folder}/run.json", b""), adapter_config(folder, target_modules=names))


def record(name: str, **changes: object):
    """A record with other values and a right seal; None takes a key away."""

    def change(world: World, _: Arguments) -> None:
        value = {**read_record(world / name), **changes}
        write_record(world / name, {key: entry for key, entry in value.items() if entry is not None})

    return change


def edited(name: str, old: str, new: str):
    """A file of text edited by hand."""

    def change(world: World, _: Arguments) -> None:
        text = (world / name).read_text()
        assert old in text
        (world / name).write_text(text.replace(old, new, 1))

    return change


def checkpoints(edit):
    """The table of boolq written again with `edit` of what `read_checkpoints` returns as keywords."""

    def change(world: World, _: Arguments) -> None:
        found = read_checkpoints(world / "boolq.parquet")
        parts = {"task": found.task, "layout": found.layout, "config": found.adapter_config, "weights": found.weights}
        parts = {**parts, **edit(parts)}
        block = Block(1, [1] * len(parts["weights"]), [0.1] * len(parts["weights"]), parts["weights"])
        write_blocks(world / "boolq.parquet", parts["task"], 0, parts["layout"], parts["config"], [block], {})

    return change


def nan_weights(parts: dict) -> dict:
    parts["weights"][1, 5] = float("nan")
    return {}


def other_epoch_folder(world: World, _: Arguments) -> None:
    shutil.copytree(world / "piqa/epoch_2", world / "boolq/epoch_2", dirs_exist_ok=True)


SAMPLES = (
    Case("samples cut off", "finetune", rf"samples\.parquet: not a file of P2W, or damaged.*{AGAIN}",
         cut("samples.parquet")),
    Case("samples flipped in a text", "finetune", rf"samples\.parquet: damaged.*{AGAIN}", flipped("samples.parquet",
         0.1)),
    Case("samples flipped in the footer", "finetune", r"samples\.parquet: (not a file|damaged)",
         flipped("samples.parquet", 0.95)),
    Case("samples are a raw table", "finetune", r"found columns \['id', 'question', 'left'",
         copied("raw.parquet", "samples.parquet")),
    Case("samples without rows", "finetune", r"boolq: found 0 samples", table("samples.parquet",
         lambda rows: rows[:0])),
    Case("unlabeled sample", "finetune", r"sample 'r2' has no answer",
         table("samples.parquet", lambda rows: rows.assign(response=rows["response"].where(rows["id"] != "r2", None)))),
    Case("sample that is too long", "finetune", r"sample 'r\d+' has \d+ tokens, expected at most 9",
         setting("--finetune", max_length=9)),
    Case("embeddings of a table that is no sample", "embeddings", r"found columns",
         copied("raw.parquet", "samples.parquet")),
    Case("cache segment that is damaged", "embeddings", r"cache/\S+parquet: damaged.*remove it and run again",
         lambda world, _: damage_cache(world)),
    Case("encoder that is not installed", "embeddings", r"encoder\.package: 'nowhere' is not installed; pip install",
         lambda world, _: shutil.rmtree(world / "cache")),
)  # fmt: skip


def damage_cache(world: World) -> None:
    (segment,) = (world / "cache").rglob("*.parquet")
    content = bytearray(segment.read_bytes())
    content[100] ^= 1
    segment.write_bytes(content)


ADAPTERS = (
    Case("weights cut off", "control", rf"adapter_model\.safetensors: damaged.*{ADAPTER_AGAIN}", cut(WEIGHTS)),
    Case("one bit of a weight", "control", rf"damaged, it is not the file that run\.json .*{ADAPTER_AGAIN}",
         flipped(WEIGHTS, 0.99)),
    Case("one letter of the config", "control", rf"adapter_config\.json: damaged.*{ADAPTER_AGAIN}",
         edited("boolq/epoch_1/adapter_config.json", '"lora_alpha": 4', '"lora_alpha": 5')),
    Case("one letter of the record", "control", rf"run\.json: damaged.*{ADAPTER_AGAIN}",
         edited("boolq/epoch_1/run.json", '"step"', '"stop"')),
    Case("adapter of another epoch in its place", "evaluate", r"adapter_model\.safetensors: damaged",
         copied("boolq/epoch_2/adapter_model.safetensors", WEIGHTS)),
    Case("no weights", "control", r"adapter_model\.safetensors: No such file|no adapter_model", gone(WEIGHTS)),
    Case("no config", "control", r"boolq/epoch_1: no adapter_config\.json; expected an adapter in PEFT's format",
         gone("boolq/epoch_1/adapter_config.json")),
    Case("foreign weights are a page of HTML", "control", r"not a readable safetensors file",
         both(replaced(WEIGHTS, b"<html></html>"), gone("boolq/epoch_1/run.json"))),
    Case("foreign config is no JSON", "control", r"adapter_config\.json: not valid JSON",
         both(replaced("boolq/epoch_1/adapter_config.json", b"r: 2"), gone("boolq/epoch_1/run.json"))),
    Case("foreign config is a list", "control", r"adapter_config\.json: found \[\], expected a mapping",
         both(replaced("boolq/epoch_1/adapter_config.json", b"[]"), gone("boolq/epoch_1/run.json"))),
    Case("rank of the config", "control", r"found rank 2, expected 3 as in the config",
         adapter_config("boolq/epoch_1", r=3)),
    Case("rank is a text", "control", r"r: found '2', expected a positive number", adapter_config("boolq/epoch_1",
         r="2")),
    Case("no alpha", "control", r"lora_alpha: found None", adapter_config("boolq/epoch_1", lora_alpha=None)),
    Case("another method", "control", r"peft_type: found 'IA3', expected 'LORA'",
         adapter_config("boolq/epoch_1", peft_type="IA3")),
    Case("trained biases", "control", r"bias: found 'all', expected 'none'", adapter_config("boolq/epoch_1",
         bias="all")),
    Case("DoRA", "control", r"use_dora: found True, expected it unset", adapter_config("boolq/epoch_1", use_dora=True)),
    Case("half of a pair is missing", "control", r"missing .*the other half of",
         adapter_tensors("boolq/epoch_1", dropped("layers.1.mlp.down_proj.lora_B"))),
    Case("module of the config is missing", "control", r"found no tensor of '\S+up_proj', expected one",
         adapter_tensors("boolq/epoch_1", dropped("up_proj"))),
    Case("tensors of another kind", "control", r"found tensor 'm\.layers",
         adapter_tensors("boolq/epoch_1", renamed("base_model.model.model", "m"))),
    Case("NaN in a weight", "control", r"lora_A\.weight: found 1 values that are not finite",
         adapter_tensors("boolq/epoch_1", lambda tensors: with_value(tensors, float("nan")))),
    Case("adapters of different layouts", "control", r"differ in names or shapes",
         both(adapter_tensors("boolq/epoch_1", dropped("layers.1.")), listed("boolq/epoch_1"))),
    Case("LoRA tensor of one layer is missing", "evaluate", r"layers\.1\.\S+: found shape \(\d+, \d+\), expected None",
         both(adapter_tensors("boolq/epoch_1", dropped("layers.1.")), listed("boolq/epoch_1"))),
    Case("adapter of another base model", "evaluate", r"epoch_1: base_model_name_or_path: found 'Qwen/x', expected",
         adapter_config("boolq/epoch_1", base_model_name_or_path="Qwen/x")),
    Case("adapter of another revision", "evaluate", r"epoch_1: revision: found 'abc', expected None",
         adapter_config("boolq/epoch_1", revision="abc")),
    Case("unlabeled test row", "evaluate", r"row 'r2' has no answer",
         table("samples.parquet", lambda rows: rows.assign(answer=rows["answer"].where(rows["id"] != "r2")))),
)  # fmt: skip

EPOCHS = (
    Case("state of another epoch", "finetune", r"epoch_1: epoch: found 2, expected 1",
         copied("boolq/epoch_2/training_state.safetensors", STATE)),
    Case("state of another seed", "finetune", r"epoch_1: seed: found 3, expected 4", option("--seed", 4)),
    Case("state of another rank", "finetune", r"epoch_1: lora: found .*'rank': 2.* expected .*'rank': 3",
         setting("--lora", rank=3)),
    Case("state with a flipped bit", "finetune", rf"training_state\.safetensors: damaged.*{AGAIN}",
         flipped(STATE, 0.9)),
    Case("state of another kind", "finetune", r"found no 'settings', expected a file of another kind",
         copied("boolq/epoch_1/snapshots.safetensors", STATE)),
    Case("state that is cut off", "finetune", rf"training_state\.safetensors: (?:damaged|not a file).*{AGAIN}",
         cut(STATE)),
    Case("epoch 2 without epoch 1", "finetune", r"epoch 2: found previous None", option("--previous")),
    Case("snapshots missing", "checkpoints", r"snapshots\.safetensors: No such file", gone(SNAPSHOTS)),
    Case("snapshots flipped in a weight", "checkpoints", rf"snapshots\.safetensors: damaged.*{AGAIN}",
         flipped(SNAPSHOTS, 0.9)),
    Case("snapshots flipped in the header", "checkpoints", r"snapshots\.safetensors: (?:damaged|not a file)",
         flipped(SNAPSHOTS, 0.02)),
    Case("snapshots of another task", "checkpoints", r"boolq/epoch_2: task: found 'piqa', expected 'boolq'",
         other_epoch_folder),
    Case("an epoch twice", "checkpoints", r"epoch 1 is given more than once",
         copied("boolq/epoch_1/snapshots.safetensors", SNAPSHOTS)),
    Case("no epoch is left", "checkpoints", r"found epochs \[1, 2\], expected at least one from epoch 9 on",
         option("--first-epoch", 9)),
    Case("snapshots are an adapter", "checkpoints", r"snapshots\.safetensors: not a file of P2W, or damaged",
         copied(WEIGHTS, SNAPSHOTS)),
)  # fmt: skip

DECODERS = (
    Case("checkpoints cut off", "decoder", rf"boolq\.parquet: not a file of P2W, or damaged.*{AGAIN}",
         cut("boolq.parquet")),
    Case("checkpoints flipped in a weight", "decoder", rf"boolq\.parquet: damaged.*{AGAIN}", flipped("boolq.parquet",
         0.3)),
    Case("checkpoints flipped in the footer", "decoder", r"boolq\.parquet: (?:damaged|not a file)",
         flipped("boolq.parquet", 0.97)),
    Case("checkpoints are embeddings", "decoder",
         r"found a table with encoder, provenance, task, expected one of checkp",
         copied(PROMPTS, "boolq.parquet")),
    Case("checkpoints of the held-out task", "decoder", r"found checkpoints of the held-out task 'boolq'",
         option("--held-out", "boolq")),
    Case("NaN in a checkpoint", "decoder", r"checkpoints of boolq: found 1 values that are not finite",
         checkpoints(nan_weights)),
    Case("checkpoints of another base model", "decoder", r"base_model_name_or_path: found .* expected 'other'",
         checkpoints(lambda parts: {"config": {**parts["config"], "base_model_name_or_path": "other"}})),
    Case("checkpoints of another scale", "decoder", r"lora_alpha: found 4, expected 9",
         checkpoints(lambda parts: {"config": {**parts["config"], "lora_alpha": 9}})),
    Case("one task twice", "decoder", r"boolq2\.parquet: task 'boolq' is in .* too, expected once",
         both(copied("boolq.parquet", "boolq2.parquet"),
              option("--checkpoints", "WORLD/boolq.parquet", "WORLD/boolq2.parquet"))),
    Case("imported checkpoints of another layout", "decoder", r"imported\.parquet: .*found shape None, expected",
         option("--checkpoints", "WORLD/piqa.parquet", "WORLD/imported.parquet")),
    Case("prompts of a task are missing", "decoder", r"found prompts of \['boolq'\], expected \['boolq', 'piqa'\]",
         option("--embeddings", f"WORLD/{PROMPTS}")),
    Case("fewer prompts than a batch", "decoder", r"boolq: found 8 prompts, expected 20 or more",
         setting("--decoder", num_prompts=20)),
    Case("prompts of another encoder", "decoder", r"piqa\.embeddings\.parquet: encoder: found .*expected",
         table("piqa.embeddings.parquet", encoder={"max_length": 9, "sha256": "1" * 64, "package": "nowhere"})),
    Case("embeddings are samples", "decoder", r"expected prompt embeddings", copied("samples.parquet", PROMPTS)),
    Case("embeddings flipped", "decoder", rf"boolq\.embeddings\.parquet: damaged.*{AGAIN}", flipped(PROMPTS, 0.5)),
    Case("decoder missing", "generate", r"decoder\.safetensors: no such file", gone(DECODER)),
    Case("decoder cut off", "generate", rf"decoder\.safetensors: (?:damaged|not a file).*{AGAIN}", cut(DECODER)),
    Case("decoder flipped in a weight", "generate", rf"decoder\.safetensors: damaged.*{AGAIN}", flipped(DECODER, 0.8)),
    Case("decoder is a training state", "constant", r"found no 'kernel_size', expected a file of another kind",
         copied(STATE, DECODER)),
    Case("decoder is an adapter", "generate", r"decoder\.safetensors: not a file of P2W", copied(WEIGHTS, DECODER)),
    Case("decoder is a folder", "generate", r"decoder\.safetensors: no such file", folder_instead(DECODER)),
    Case("prompts of another held-out task", "generate", r"task: found 'boolq', expected 'held'",
         copied(PROMPTS, HELD)),
    Case("prompts from another encoder", "generate", r"encoder: found .*expected",
         table(HELD, encoder={"max_length": 9, "sha256": "0" * 64, "package": "nowhere"})),
    Case("two prompts for a batch of three", "generate",
         r"held\.embeddings\.parquet: found 2 prompts, expected 3 or more",
         table(HELD, lambda rows: rows[:2])),
)  # fmt: skip

IMPORTS = (
    Case("pt with another rank", "import_checkpoints", r"2\.pt: .*found shape \(3, 48\), expected \(2, 48\)",
         foreign(rank=3)),
    Case("pt without its other half", "import_checkpoints", r"2\.pt: .*missing .*the other half",
         foreign(dropped("lora_B"))),
    Case("pt with NaN", "import_checkpoints", r"2\.pt: .*found 1 values that are not finite",
         foreign(lambda tensors: with_value(tensors, float("inf")))),
    Case("pt with whole numbers", "import_checkpoints", r"found torch\.int64, .*expected plain real numbers",
         foreign(lambda tensors: {name: tensor.long() for name, tensor in tensors.items()})),
    Case("pt of a whole model", "import_checkpoints", r"2\.pt: .*found no LoRA matrix",
         foreign(renamed("lora_A.weight", "weight"))),
    Case("pt that is a list", "import_checkpoints", r"2\.pt: found list, expected tensors by name",
         foreign(lambda tensors: list(tensors.values()))),
    Case("pt with numbers as names", "import_checkpoints", r"2\.pt: found dict, expected tensors by name",
         foreign(lambda tensors: dict(enumerate(tensors.values())))),
    Case("pt that is empty", "import_checkpoints", r"2\.pt: not a readable checkpoint", replaced("foreign/2.pt", b"")),
    Case("pt cut off", "import_checkpoints", r"1\.pt: (not a readable checkpoint|holds more)", cut("foreign/1.pt")),
    Case("pt that is text", "import_checkpoints", r"2\.pt: not a readable checkpoint", replaced("foreign/2.pt",
         b"hello\n")),
    Case("safetensors that is none", "import_checkpoints", r"0\.safetensors: not a readable safetensors file",
         replaced("foreign/0.safetensors", b"\xff" * 64)),
    Case("rank of the command", "import_checkpoints", r"1\.pt: .*found rank 2, expected 4", setting("--lora", rank=4)),
    Case("modules of the command", "import_checkpoints", r"found modules \['q_proj'\], expected \['v_proj'\]",
         setting("--lora", target_modules=["v_proj"])),
    Case("no folder", "import_checkpoints", r"nowhere: no such folder", option("--folder", "WORLD/nowhere")),
    Case("folder without checkpoints", "import_checkpoints", r"boolq: found no checkpoints, expected files that end",
         option("--folder", "WORLD/boolq")),
)  # fmt: skip

REPORTS = (
    Case("evaluation edited by hand", "summary", rf"evaluation\.json: damaged.*{AGAIN}",
         edited("evaluation.json", '"n": 4', '"n": 5')),
    Case("evaluation cut off", "summary", rf"evaluation\.json: not valid JSON.*{AGAIN}", cut("evaluation.json")),
    Case("evaluation is another record", "summary", r"found no 'experiment', expected an evaluation",
         copied("draw_0/run.json", "evaluation.json")),
    Case("evaluation of nobody", "show", r"evaluation\.json: not a file of P2W", replaced("evaluation.json", b"{}")),
    Case("evaluation is a list", "show", r"evaluation\.json: not a file of P2W", replaced("evaluation.json", b"[]")),
    Case("evaluation without sources", "show", r"found no 'sources', expected an evaluation",
         record("evaluation.json", sources=None)),
    Case("published numbers are a list", "summary", r"paper\.yaml: found \[1\], expected a mapping",
         both(replaced("paper.yaml", b"- 1\n"), option("--published", "WORLD/paper.yaml"))),
    Case("published numbers no YAML", "summary", r"paper\.yaml, line 2: not valid YAML",
         both(replaced("paper.yaml", b"{a: [\n"), option("--published", "WORLD/paper.yaml"))),
    Case("card of a draw without answers", "card", r"found no answers of 'generated/draw_9'; sources: base",
         option("--source", "generated/draw_9")),
    Case("card of other prompts", "card", r"held\.embeddings\.parquet: sha256: found \w+, expected",
         copied(PROMPTS, HELD)),
    Case("card of a changed config", "card", r"adapter_config\.json: damaged",
         edited("draw_0/adapter_config.json", '"lora_alpha": 4', '"lora_alpha": 8')),
    Case("predictions flipped", "card", rf"predictions\.parquet: damaged.*{AGAIN}",
         flipped("evaluation.predictions.parquet", 0.2)),
)  # fmt: skip


@cases(*SAMPLES, *ADAPTERS, *EPOCHS, *DECODERS, *IMPORTS, *REPORTS)
def test_each_is_answered_in_one_line(case: Case, world: World, capsys: pytest.CaptureFixture[str], tally) -> None:
    tally("bad inputs")
    answer(case, world, capsys)


class Payload:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


@pytest.mark.parametrize("suffix", ["pt", "bin"])
@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, 2))])
def test_pickled_code_is_named_and_does_not_run(save, suffix, world, capsys, tmp_path, tally) -> None:
    tally("bad inputs")
    canary = tmp_path / "canary"
    code = lambda world, _: save({"x.lora_A.weight": Payload(canary)}, world / f"foreign/2.{suffix}")  # noqa: E731
    answer(Case("code", "import_checkpoints", rf"2\.{suffix}: holds more than tensors, or is no", code), world, capsys)
    assert not canary.exists()
    pickle.loads(pickle.dumps(Payload(canary)))
    assert canary.exists(), "the payload is one that would have run"


def test_a_sidecar_of_another_program_is_not_mistaken_for_ours(world: World, capsys, tally) -> None:
    tally("bad inputs")
    foreign_record = lambda world, _: write_json(world / "boolq/epoch_1/run.json", {"loss": 0.1})  # noqa: E731
    answer(Case("sidecar", "control", r"run\.json: not a file of P2W, or damaged", foreign_record), world, capsys)
    assert json.loads((world / "boolq/epoch_1/run.json").read_text()) == {"loss": 0.1}
    assert pd.read_parquet(world / "samples.parquet")["id"].is_unique
