"""Bad adapters, P2W's and those of other programs; pickled code that must not run."""

import json
import pickle
from pathlib import Path

import pandas as pd
import pytest
import torch

from p2w.runtime.files import write_json
from tests.support.bad_world import Case, answer, cases, write_foreign
from tests.support.breaking import (
    adapter_config,
    adapter_tensors,
    both,
    copied,
    cut,
    edited,
    flipped,
    gone,
    option,
    replaced,
    setting,
    table,
    with_value,
)  # fmt: skip
from tests.support.right_commands import World

WEIGHTS = "boolq/epoch_1/adapter_model.safetensors"
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


@cases(*ADAPTERS, *IMPORTS)
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
