"""A copy of the project in a temporary folder, in which tests run the workflow and edit what they like."""

import json
import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import yaml

from p2w.runtime.code import SCRIPTS, code_hash
from p2w.runtime.known_code import PLACE, source_digest
from tests.support.job_server import quick_python

PROJECT = Path(__file__).parents[2]
# The section `jobs` of an experiment with a job for every epoch, every table of prompts, every draw.
ALONE = {"finetune": None, "embeddings": None, "draws": None}
PARTS = ("Snakefile", "rules", "workflow", "p2w", "config", "profiles", "envs")


@cache
def _known_code() -> str:
    """What a plan finds of the project's code, the same in all copies: most plans in tests are the first of theirs."""
    hashes = {path.stem: code_hash(path.stem) for path in sorted((PROJECT / SCRIPTS).glob("*.py"))}
    return json.dumps({"source": source_digest(), "hashes": hashes})


class Workspace:
    """The project under `folder`; `run` and `plan` are `snakemake` there, by `python`, which starts its jobs too."""

    def __init__(self, folder: Path, python: str | Path | None = None) -> None:
        self.folder = folder
        self.python = python or quick_python()
        for part in PARTS:
            source = PROJECT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / part)
        (folder / PLACE).parent.mkdir()
        (folder / PLACE).write_text(_known_code(), encoding="utf-8")

    @classmethod
    def at(cls, folder: Path) -> "Workspace":
        """A workspace that is there already."""
        workspace = cls.__new__(cls)
        workspace.folder, workspace.python = folder, quick_python()
        return workspace

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        flags = [] if "--cores" in arguments else ["--cores", "2", "--resources", "gpu=2"]
        command = [self.python, "-m", "snakemake", *arguments, *flags]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def run(self, *targets: str) -> str:
        """Make targets; the output, or an AssertionError that shows it."""
        done = self.snakemake(*targets)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refusal(self, *arguments: str) -> str:
        """What a run says that cannot be; an AssertionError where it can, or where Python says it."""
        done = self.snakemake(*arguments)
        assert done.returncode != 0
        assert "Traceback (most recent call last)" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def plan(self, *targets: str) -> Counter[str]:
        """How many jobs of each rule a run would start; one that could also be `no_such_target` is noise for users."""
        text = self.run(*targets, "--dry-run")
        assert "Exception" not in text, text[:2000]
        return Counter(re.findall(r"^(?:local)?rule (\w+):", text, re.MULTILINE))

    def experiment(self, name: str, content: dict) -> None:
        """Write an experiment file."""
        path = self.folder / "config" / "experiments" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} does not contain {old!r}"
        file.write_text(text.replace(old, new), encoding="utf-8")
