"""Jobs that are killed at random moments: run again until they are done, they leave what an undisturbed run leaves."""

import time
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM

import numpy as np
import pytest

from p2w.runtime.files import sha256
from tests.support.commands import Command, kill
from tests.support.stages import STATE, Stage, make_world
from tests.support.toy_samples import toy_samples

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("kills")]

STAGES = ["finetune", "finetune, second epoch", "multi_task", "embeddings", "decoder", "decoder, 8 bits", "evaluate"]
IN_A_ROW = 3  # kills of one job before it is left to finish
GOES_ON = "going on from saved state"


def artifacts(folder: Path) -> dict[str, str]:
    """sha256 of every file; a write that was killed may leave a hidden one."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files if path.name != "log"}


@dataclass(frozen=True)
class Undisturbed:
    """What a stage makes when nothing happens, and how long that takes."""

    stage: Stage
    artifacts: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def stages(tiny_base_model, tmp_path_factory):
    world = tmp_path_factory.mktemp("world")
    return make_world(tiny_base_model, toy_samples(), world)


@pytest.fixture(scope="module", params=STAGES)
def undisturbed(request, stages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    seconds = stages[request.param](folder).run(folder / "log")
    return Undisturbed(stages[request.param], artifacts(folder), seconds)


def killed_at_random(command: Command, log: Path, seconds: float, rng: np.random.Generator) -> int:
    """Start a job and kill it, a few times; how many kills met it at work."""
    met = 0
    for _ in range(IN_A_ROW):
        process = command.start(log)
        time.sleep(rng.uniform(0, seconds))
        if not kill(process, SIGKILL if rng.random() < 0.6 else SIGTERM):
            break
        met += 1
    return met


def test_random_kills_leave_no_trace(undisturbed, tmp_path, tally, thorough):
    rng, met, jobs = np.random.default_rng(0), 0, 0
    while met < (40 if thorough else 5):
        folder = tmp_path / str(jobs)
        folder.mkdir()
        command = undisturbed.stage(folder)
        found = killed_at_random(command, folder / "log", undisturbed.seconds, rng)
        command.run(folder / "log")
        assert artifacts(folder) == undisturbed.artifacts, (folder / "log").read_text()
        tally("kills", found)
        met, jobs = met + found, jobs + 1


@pytest.mark.parametrize("number", [SIGKILL, SIGTERM])
def test_a_job_goes_on_from_its_state(undisturbed, tmp_path, tally, number):
    command, log = undisturbed.stage(tmp_path), tmp_path / "log"
    process = command.start(log)
    while not (tmp_path / STATE).exists() and process.is_alive():
        time.sleep(0.001)
    assert kill(process, number), log.read_text()
    assert process.exitcode == (-SIGKILL if number == SIGKILL else 128 + SIGTERM)
    assert GOES_ON not in log.read_text()
    if number == SIGTERM:
        assert "stopped by SIGTERM: the same command goes on from the last saved state" in log.read_text()
    command.run(log)
    assert GOES_ON in log.read_text()
    assert artifacts(tmp_path) == undisturbed.artifacts
    tally("kills")
