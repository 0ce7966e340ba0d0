"""The wheel, installed where there is no checkout: the command line and the library work from it alone."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.workspace import PROJECT

pytestmark = pytest.mark.xdist_group("wheel")  # one environment for all
PARTS = ("p2w", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
LIBRARY = """
import p2w
from p2w import Adapter, Generator
adapter = Generator.from_pretrained().generate(["is ice cold? Answer with yes or no."])
adapter.save_pretrained("theirs")
print(p2w.__file__, len(Adapter.from_pretrained("theirs").tensors))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the project; built from a copy, for building leaves files behind."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        (shutil.copytree if (PROJECT / part).is_dir() else shutil.copy)(PROJECT / part, folder / part)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", "dist", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "dist").glob("p2w-*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment of its own with the wheel in it, which finds the libraries of this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env/bin/python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    done = subprocess.run(install, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"])
    return folder


def clean_environment() -> dict[str, str]:
    """Without the path of a checkout, which would count as an installed p2w."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(environment: Path, *command: str) -> str:
    program = [str(environment / "env/bin" / command[0]), *command[1:]]
    done = subprocess.run(
        program, cwd=environment, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_the_wheel_has_the_generators_and_the_base_model_and_not_what_built_them(wheel):
    packed = {info.filename: info.compress_size for info in zipfile.ZipFile(wheel).infolist()}
    for file in ("generator/generator.safetensors", "generator/config.json", "base_model/config.json", "world.yaml"):
        assert f"p2w/pocket/{file}" in packed
    for file in ("generator.safetensors", "config.json"):
        assert f"p2w/using/smollm2/{file}" in packed
    assert not [name for name in packed if name.startswith(("p2w/pocket/builder", "tests/", "workflow/"))]
    smollm2 = sum(size for name, size in packed.items() if name.startswith("p2w/using/smollm2/"))
    assert smollm2 < 25e6  # what a generator that ships may weigh
    assert sum(packed.values()) - smollm2 < 4e6


@pytest.mark.long
def test_from_prompts_to_an_answer_by_the_command_line(environment):
    shutil.copy(PROJECT / "examples/prompts.txt", environment)
    made = run(environment, "p2w", "generate", "prompts.txt", "-o", "mine")
    assert "nearest training tasks (cosine): boolq.yes_no " in made
    said = run(environment, "p2w", "ask", "mine", "is a cow known to eat flies?\nAnswer with yes or no.")
    assert re.search(r"^adapted +(yes|no)$", said, re.MULTILINE), said
    assert "made by p2w/using/generator.py" in run(environment, "p2w", "explain", "mine")


@pytest.mark.long
def test_the_library(environment):
    where, count = run(environment, "python", "-c", LIBRARY).split()
    assert Path(where).is_relative_to(environment)
    assert int(count) > 2
