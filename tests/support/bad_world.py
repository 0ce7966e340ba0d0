"""A small, whole project with every kind of artifact, the commands that read them, and what a bad one must lead to.

All files lie in one folder, so that a test breaks a copy. `tests/reliability/test_bad_*.py` have the cases.
"""

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from p2w.runtime.cli import run
from p2w.config.base_model import BaseModel
from p2w.config.encoder import PromptEncoder
from p2w.prompts.embeddings import encode_cached
from p2w.runtime.files import sha256

ROOT = Path(__file__).parents[2]
TASKS = ("boolq", "piqa")
DIM = 7
ENCODER = {"max_length": 6, "sha256": "0" * 64, "package": "nowhere"}
LORA = {"rank": 2, "alpha": 4}
FINETUNE = {"max_samples": 8, "batch_size": 4, "learning_rate": 0.01, "snapshots": 2}
DECODER = {"num_prompts": 3, "shapes": [[5, 4, 11]], "kernel_size": 3, "steps": 2, "batch_size": 2,
           "learning_rate": 1e-3}  # fmt: skip
TASK = {
    "splits": {"train": "train"},
    "question": "{question}",
    "choices": {"columns": ["left", "right"]},
    "answer": {"column": "label", "encoding": "index0"},
    "system": "Pick.",
    "format": "letter",
    "id": "id",
}
LETTER = {"labels": ["A", "B"], "choice": "{label}: {choice}", "response": "{label}",
          "prompt": "{question}\n{choices}"}  # fmt: skip
ROWS = [
    {"id": f"r{k}", "question": f"{k} + 1?", "left": str(k + k % 2), "right": str(k + 1 - k % 2), "label": 1 - k % 2}
    for k in range(12)
]

Arguments = dict[str, list[str]]


class World:
    """A folder with everything, and its commands: option to values, in the order of the command line."""

    def __init__(self, folder: Path, base: BaseModel) -> None:
        self.folder, self.base = folder, base

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def command(self, name: str) -> Arguments:
        """Arguments of a script that are right."""
        return {option: list(map(str, values)) for option, values in getattr(self, f"_{name}")().items()}

    def _raw(self) -> dict[str, list]:
        hub = {"dataset": "owner/toy", "revision": "0" * 40, "files": {"train": "train.parquet"}}
        location = {"hub": hub, "splits": {"train": "train"}}
        source = {"kind": "local", "root": str(self / "data")}
        return {"--source": [json.dumps(source)], "--task": ["toy"], "--location": [json.dumps(location)],
                "--split": ["train"], "--output": [self / "raw.parquet"]}  # fmt: skip

    def _samples(self) -> dict[str, list]:
        return {"--raw": [self / "raw.parquet"], "--task": ["toy"], "--task-config": [json.dumps(TASK)],
                "--format": [json.dumps(LETTER)], "--split": ["train"],
                "--output": [self / "samples.parquet"]}  # fmt: skip

    def _training(self) -> dict[str, list]:
        return {"--base-model": [json.dumps(self.base.to_json())], "--lora": [json.dumps(LORA)],
                "--finetune": [json.dumps(FINETUNE)], "--seed": [3]}  # fmt: skip

    def _finetune(self, task: str = "boolq", epoch: int = 2) -> dict[str, list]:
        files = ("adapter_model.safetensors", "snapshots.safetensors", "training_state.safetensors", "run.json")
        previous = [self / f"{task}/epoch_{epoch - 1}/{name}" for name in files] if epoch > 1 else []
        output = self / f"{task}/epoch_{epoch}/adapter_model.safetensors"
        return {**self._training(), "--task": [task], "--samples": [self / "samples.parquet"], "--epoch": [epoch],
                "--previous": previous, "--output": [output]}  # fmt: skip

    def _multi_task(self) -> dict[str, list]:
        return {**self._training(), "--epochs": [1], "--tasks": list(TASKS),
                "--samples": [self / "samples.parquet", self / "samples.parquet"],
                "--output": [self / "multi_task/adapter_model.safetensors"]}  # fmt: skip

    def _checkpoints(self, task: str = "boolq") -> dict[str, list]:
        return {"--task": [task], "--epochs": [self / f"{task}/epoch_{k}/snapshots.safetensors" for k in (1, 2)],
                "--first-epoch": [1], "--output": [self / f"{task}.parquet"]}  # fmt: skip

    def _import_checkpoints(self) -> dict[str, list]:
        return {"--task": ["boolq"], "--folder": [self / "foreign"], "--base-model": [json.dumps(self.base.to_json())],
                "--lora": [json.dumps(LORA)], "--output": [self / "imported.parquet"]}  # fmt: skip

    def _embeddings(self, task: str = "boolq") -> dict[str, list]:
        return {"--encoder": [json.dumps(ENCODER)], "--prompts": ['{"max_per_task": 8}'], "--seed": [0],
                "--task": [task], "--samples": [self / "samples.parquet"], "--cache": [self / "cache"],
                "--output": [self / f"{task}.embeddings.parquet"]}  # fmt: skip

    def _decoder(self) -> dict[str, list]:
        return {"--decoder": [json.dumps(DECODER)], "--seed": [0], "--held-out": ["held"],
                "--checkpoints": [self / f"{task}.parquet" for task in TASKS],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--output": [self / "decoder/decoder.safetensors"]}  # fmt: skip

    def _centroid(self, task: str = "boolq") -> dict[str, list]:
        return {"--checkpoints": [self / f"{task}.parquet"], "--embeddings": [self / f"{task}.embeddings.parquet"],
                "--output": [self / f"{task}.centroid.safetensors"]}  # fmt: skip

    def _generator(self) -> dict[str, list]:
        return {"--generator": ['{"kind": "ridge"}'], "--num-prompts": [3], "--held-out": ["held"],
                "--centroids": [self / f"{task}.centroid.safetensors" for task in TASKS],
                "--output": [self / "ridge/generator.safetensors"]}  # fmt: skip

    def _learned_generator(self) -> dict[str, list]:
        config = {"kind": "basis", "leave_out": False, "steps": 1, "tasks_per_step": 2, "rows_per_task": 2}
        return {"--generator": [json.dumps(config)], "--base-model": [json.dumps(self.base.to_json())],
                "--num-prompts": [3], "--max-length": [256], "--seed": [0], "--held-out": ["held"],
                "--checkpoints": [self / f"{task}.parquet" for task in TASKS],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--tasks": TASKS, "--samples": [self / "samples.parquet" for task in TASKS],
                "--output": [self / "basis/generator.safetensors"]}  # fmt: skip

    def _generate(self) -> dict[str, list]:
        return {"--generator": [self / "decoder/decoder.safetensors"],
                "--embeddings": [self / "held.embeddings.parquet"], "--seed": [0], "--draw": [0],
                "--output": [self / "draw_0/adapter_model.safetensors"]}  # fmt: skip

    def _prompt_controls(self) -> dict[str, list]:
        return {"--generator": [self / "decoder/decoder.safetensors"], "--controls": ["foreign_prompts"],
                "--embeddings": [self / "boolq.embeddings.parquet"], "--seed": [0], "--draw": [0],
                "--output": [self / "controls"]}  # fmt: skip

    def _constant(self) -> dict[str, list]:
        return {"--generator": [self / "decoder/decoder.safetensors"],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--output": [self / "constant/adapter_model.safetensors"]}  # fmt: skip

    def _control(self) -> dict[str, list]:
        return {"--control": ["weight_average"], "--tasks": list(TASKS),
                "--adapters": [self / f"{task}/epoch_1/adapter_model.safetensors" for task in TASKS],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--target": [self / "held.embeddings.parquet"],
                "--output": [self / "average/adapter_model.safetensors"]}  # fmt: skip

    def _evaluate(self) -> dict[str, list]:
        return {"--experiment": ["toy"], "--held-out": ["held"], "--base-model": [json.dumps(self.base.to_json())],
                "--evaluation": ['{"max_rows": 4, "batch_tokens": 600}'], "--seed": [0],
                "--samples": [self / "samples.parquet"], "--sources": ["trained/boolq", "generated/draw_0"],
                "--adapters": [self / "boolq/epoch_1/adapter_model.safetensors",
                               self / "draw_0/adapter_model.safetensors"],
                "--seen-tasks": ["boolq"], "--seen-samples": [self / "samples.parquet"],
                "--output": [self / "evaluation.json"],
                "--predictions": [self / "evaluation.predictions.parquet"]}  # fmt: skip

    def _summary(self) -> dict[str, list]:
        return {"--evaluations": [self / "evaluation.json"], "--published": [ROOT / "config/published.yaml"],
                "--csv": [self / "summary.csv"], "--markdown": [self / "summary.md"],
                "--html": [self / "summary.html"]}  # fmt: skip

    def _show(self) -> dict[str, list]:
        return {"": [self / "evaluation.json"]}

    def _card(self) -> dict[str, list]:
        return {"--source": ["generated/draw_0"], "--adapter": [self / "draw_0"],
                "--generator-run": [self / "decoder/run.json"], "--embeddings": [self / "held.embeddings.parquet"],
                "--evaluation": [self / "evaluation.json"],
                "--predictions": [self / "evaluation.predictions.parquet"],
                "--output": [self / "draw_0/README.md"]}  # fmt: skip


# In the order in which they make a world; each is right, so that a case fails for what is wrong in it.
MAKING = (
    ("raw", {}), ("samples", {}),
    *(("finetune", {"task": task, "epoch": epoch}) for task in TASKS for epoch in (1, 2)),
    *(("checkpoints", {"task": task}) for task in TASKS),
    *(("embeddings", {"task": task}) for task in (*TASKS, "held")),
    *(("centroid", {"task": task}) for task in TASKS),
    ("multi_task", {}), ("import_checkpoints", {}), ("decoder", {}), ("generator", {}), ("generate", {}),
    ("prompt_controls", {}), ("constant", {}), ("control", {}), ("evaluate", {}), ("summary", {}), ("show", {}),
    ("card", {}),
)  # fmt: skip


def build_world(folder: Path, base: BaseModel) -> World:
    """Make everything with the commands themselves."""
    world = World(folder, base)
    (folder / "data/owner/toy").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "data/owner/toy/train.parquet")
    write_foreign(folder / "foreign/1.pt")
    fill_cache(folder / "cache")
    for name, choice in MAKING:
        arguments = getattr(world, f"_{name}")(**choice)
        script(name).main(argv({option: list(map(str, values)) for option, values in arguments.items()}))
    return world


def write_foreign(path: Path, rank: int = 2, change: Callable[[dict], dict] = lambda tensors: tensors) -> None:
    """An adapter of one module as somebody else may have saved it."""
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    path.parent.mkdir(exist_ok=True)
    torch.save(change({name.format("A"): torch.ones(rank, 48), name.format("B"): torch.ones(48, rank)}), path)


def fill_cache(cache: Path) -> None:
    """Encoded prompts of ROWS, so that no encoder is needed."""
    prompts = [f"{row['question']}\nA: {row['left']}\nB: {row['right']}" for row in ROWS]
    rng = np.random.default_rng(0)

    def encode(texts: list[str]) -> list[np.ndarray]:
        return [rng.normal(size=(1 + k % 6, DIM)).astype(np.float16) for k, _ in enumerate(texts)]

    encode_cached(prompts, encode, cache / PromptEncoder(**ENCODER).key)


@cache
def script(name: str) -> ModuleType:
    """A command of workflow/scripts as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"workflow/scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def argv(arguments: Arguments) -> list[str]:
    return [part for option, values in arguments.items() for part in (*filter(None, [option]), *values)]


@dataclass(frozen=True)
class Case:
    """`change` breaks a file of the world or an argument of `command`; the one line on stderr then matches `says`."""

    name: str
    command: str
    says: str
    change: Callable[[World, Arguments], object]
    code: int = 1


def cases(*all_cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", all_cases, ids=[case.name.replace(" ", "_") for case in all_cases])


def contents(folder: Path) -> dict[str, str]:
    """Every file's hash; folders without files do not count."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def answer(case: Case, world: World, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a case and check all that every case must have: exit code, one line, no file made or changed."""
    arguments = world.command(case.command)
    case.change(world, arguments)
    before = contents(world.folder)
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run(script(case.command).main, argv(arguments))
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (case.code, "")
    assert contents(world.folder) == before, "nothing may be written, changed or left over"
    err = re.sub(r"device: CPU, \d+ threads\n", "", err)
    assert re.fullmatch(r"error: [^\n]+\n", err), err
    assert re.search(case.says, err), err
    return err


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, tiny_base_model: BaseModel) -> World:
    """A world and, beside it, its copy; artifacts name their inputs by path, so tests use it where it was made."""
    folder = tmp_path_factory.mktemp("bad")
    world = build_world(folder / "world", tiny_base_model)
    shutil.copytree(world.folder, folder / "copy")
    return world


@pytest.fixture
def world(pristine: World) -> World:
    """The world as it was made, for one test to break."""
    shutil.rmtree(pristine.folder)
    shutil.copytree(pristine.folder.with_name("copy"), pristine.folder)
    return pristine
