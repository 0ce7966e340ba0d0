"""A small, whole project with every kind of artifact, the commands that read them, and what a bad one must lead to.

All files lie in one folder, so that a test breaks a copy. `tests/reliability/test_bad_*.py` have the cases.
"""

import importlib.util
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
from tests.support.right_commands import DIM, ENCODER, ROOT, ROWS, TASKS, Arguments, World

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
