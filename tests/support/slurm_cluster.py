"""A pytest plugin with a real SLURM on this machine, which tests/support/cluster.sh installs and starts.

It takes root on Debian. Elsewhere the tests that need it are left out, which the summary says; where `CI` is set, they
run and fail instead.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.needs import Needs

SCRIPT = Path(__file__).with_name("cluster.sh")
FOLDER = Path(tempfile.gettempdir()) / "p2w-slurm"


def _can_run() -> bool:
    return "CI" in os.environ or (os.geteuid() == 0 and shutil.which("apt-get") is not None)


NEEDS = Needs("slurm", "a SLURM that is started here", "tests that start a SLURM, which takes root on Debian", _can_run)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(NEEDS)


class Job(NamedTuple):
    """What the accounting knows of a job; `name` says which rule or group it was for."""

    id: str
    name: str
    state: str
    tres: str
    submitted: str


class Slurm:
    """The cluster, asked and told by SLURM's own commands."""

    def jobs(self) -> list[Job]:
        """All jobs since the cluster was set up."""
        columns = "jobid,comment,state,alloctres,submitline"
        lines = _output("sacct", "-X", "-n", "-P", "--delimiter=\x1f", "-S", "2000-01-01", "-o", columns).splitlines()
        # Comments and command lines of more than one line are no jobs.
        rows = [line.split("\x1f") for line in lines if line.count("\x1f") == columns.count(",")]
        return [Job(*row) for row in rows if "snakemake" in row[-1]]

    def wait(self, holds: Callable[[], object], seconds: float = 300) -> None:
        """Until it holds; TimeoutError with the jobs' states after so many seconds."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError("\n".join(f"{job.id} {job.name} {job.state}" for job in self.jobs()))
            time.sleep(0.5)

    def running(self, name: str) -> list[str]:
        """Ids of running jobs whose comment begins so."""
        lines = _output("squeue", "-h", "-t", "R", "-o", "%i %k").splitlines()
        return [line.split()[0] for line in lines if line.partition(" ")[2].startswith(name)]

    def tell(self, *command: str) -> None:
        """Run one of SLURM's commands."""
        subprocess.run(command, check=True)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """The cluster, running; there is one on a machine, so that a second run of the tests waits for the first."""
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What a killed run left behind has jobs of its own waiting.
        subprocess.run([SCRIPT, "stop", FOLDER], check=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        subprocess.run([SCRIPT, "start", FOLDER], check=True)
        os.environ["P2W_DEVICE"] = "cpu"  # its GPU is a line in gres.conf
        yield Slurm()
        subprocess.run([SCRIPT, "stop", FOLDER], check=True)
