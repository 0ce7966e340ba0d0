"""Bad artifacts of every stage: what is damaged, foreign or of another experiment is named, and nothing is written."""

import shutil

import pytest

from p2w.adapters.checkpoints import Block, read_checkpoints, write_blocks
from p2w.runtime.seals import read_record, write_record
from tests.support.bad_world import Case, answer, cases
from tests.support.breaking import (
    both,
    breaks,
    copied,
    cut,
    edited,
    flip,
    flipped,
    folder_instead,
    gone,
    option,
    replaced,
    setting,
    table,
)
from tests.support.right_commands import Arguments, World

WEIGHTS, STATE = "boolq/epoch_1/adapter_model.safetensors", "boolq/epoch_1/training_state.safetensors"
SNAPSHOTS, DECODER = "boolq/epoch_2/snapshots.safetensors", "decoder/decoder.safetensors"
PROMPTS, HELD = "boolq.embeddings.parquet", "held.embeddings.parquet"
CENTROID = "boolq.centroid.safetensors"
AGAIN = r"make it again: rm (\S+) && snakemake \1 --cores 1"


@breaks
def lacks(world: World, _: Arguments, name: str, key: str) -> None:
    """A record without one of its keys and with a right seal."""
    write_record(world / name, {other: entry for other, entry in read_record(world / name).items() if other != key})


@breaks
def checkpoints(world: World, _: Arguments, first: float = 0.0, **config: object) -> None:
    """The table of boolq written again with another first weight or another adapter config."""
    found = read_checkpoints(world / "boolq.parquet")
    found.weights[0, 0] = first
    count, config = len(found.weights), {**found.adapter_config, **config}
    block = Block(1, [1] * count, [0.1] * count, found.weights)
    write_blocks(world / "boolq.parquet", found.task, 0, found.layout, config, [block], {})


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
         lambda world, _: flip(next((world / "cache").rglob("*.parquet")), 0.1)),
    Case("encoder that is not installed", "embeddings", r"encoder\.package: 'nowhere' is not installed; pip install",
         lambda world, _: shutil.rmtree(world / "cache")),
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
         checkpoints(float("nan"))),
    Case("checkpoints of another base model", "decoder", r"base_model_name_or_path: found .* expected 'other'",
         checkpoints(base_model_name_or_path="other")),
    Case("checkpoints of another scale", "decoder", r"lora_alpha: found 4, expected 9",
         checkpoints(lora_alpha=9)),
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
    Case("NaN in a checkpoint, in closed form", "centroid", r"checkpoints: boolq: found 1 values that are",
         checkpoints(float("nan"))),
    Case("a centroid of two tasks", "centroid", r"found prompts of \['held'\], checkpoints of \['boolq'\], expected",
         option("--embeddings", f"WORLD/{HELD}")),
    Case("fewer prompts' files than tasks", "centroid", r"--embeddings: found 1, expected 2, one for each of",
         option("--checkpoints", "WORLD/boolq.parquet", "WORLD/piqa.parquet")),
    Case("the held-out task in closed form", "generator", r"found centroids of the held-out task 'boolq'",
         option("--held-out", "boolq")),
    Case("one task in closed form", "generator", r"found the training tasks \['boolq'\], expected two or more",
         option("--centroids", f"WORLD/{CENTROID}")),
    Case("centroid flipped", "generator", rf"boolq\.centroid\.safetensors: damaged.*{AGAIN}", flipped(CENTROID, 0.6)),
    Case("centroid is an adapter", "generator", r"boolq\.centroid\.safetensors: not a file of P2W",
         copied(WEIGHTS, CENTROID)),
    Case("centroid is a decoder", "generator", r"boolq\.centroid\.safetensors: found no '",
         copied(DECODER, CENTROID)),
    Case("decoder missing", "generate", r"decoder\.safetensors: no such file", gone(DECODER)),
    Case("decoder cut off", "generate", rf"decoder\.safetensors: (?:damaged|not a file).*{AGAIN}", cut(DECODER)),
    Case("decoder flipped in a weight", "generate", rf"decoder\.safetensors: damaged.*{AGAIN}", flipped(DECODER, 0.8)),
    Case("decoder is a training state", "constant", r"found no 'kind', expected a file of another kind",
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

REPORTS = (
    Case("evaluation edited by hand", "summary", rf"evaluation\.json: damaged.*{AGAIN}",
         edited("evaluation.json", '"n": 4', '"n": 5')),
    Case("evaluation cut off", "summary", rf"evaluation\.json: not valid JSON.*{AGAIN}", cut("evaluation.json")),
    Case("evaluation is another record", "summary", r"found no 'experiment', expected an evaluation",
         copied("draw_0/run.json", "evaluation.json")),
    Case("evaluation of nobody", "show", r"evaluation\.json: not a file of P2W", replaced("evaluation.json", b"{}")),
    Case("evaluation is a list", "show", r"evaluation\.json: not a file of P2W", replaced("evaluation.json", b"[]")),
    Case("evaluation without sources", "show", r"found no 'sources', expected an evaluation",
         lacks("evaluation.json", "sources")),
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
         flipped("evaluation.predictions.parquet", 0.02)),
)  # fmt: skip


@cases(*SAMPLES, *EPOCHS, *DECODERS, *REPORTS)
def test_each_is_answered_in_one_line(case: Case, world: World, capsys: pytest.CaptureFixture[str], tally) -> None:
    tally("bad inputs")
    answer(case, world, capsys)
