"""The commands of the raw and samples stages as a shell runs them, and what all commands share."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from p2w.runtime.cli import run
from p2w.data.samples import read_samples
from p2w.runtime.files import sha256
from p2w.runtime.tables import read_metadata
from tests.support.hub_server import serving
from tests.support.right_commands import LETTER, TASK

REVISION = "0123456789abcdef0123456789abcdef01234567"
RENDERING = {key: entry for key, entry in TASK.items() if key != "id"}
ROWS = [{"question": "2 + 2?", "left": "3", "right": "4", "label": 1}]


@dataclass(frozen=True)
class Toy:
    size: int


def script(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"workflow/scripts/{name}.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def raw_arguments(output: Path, split: str = "train") -> list[object]:
    hub = {"dataset": "owner/toy", "revision": REVISION, "files": {"train": "train.parquet"}}
    location = {"hub": hub, "splits": {"train": "train"}}
    common = ["--source", '{"kind": "hub"}', "--task", "toy", "--location", json.dumps(location)]
    return [*common, "--split", split, "--output", output]


def test_from_the_hub_to_samples(tmp_path: Path) -> None:
    """HF_ENDPOINT and HF_HOME are read by the client when it is imported, so only a new process shows them at work."""
    (tmp_path / "hub/owner/toy").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "hub/owner/toy/train.parquet")
    raw, output = tmp_path / "raw/train.parquet", tmp_path / "samples/train.parquet"
    with serving(tmp_path / "hub") as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": ""}
        done = script("raw", *raw_arguments(raw), **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert list((tmp_path / "home/hub").glob("datasets--owner--toy"))

    configs = ["--task-config", json.dumps(RENDERING), "--format", json.dumps(LETTER)]
    done = script("samples", "--raw", raw, "--task", "toy", *configs, "--split", "train", "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    samples = read_samples(output)
    assert samples.loc[0, ["id", "prompt", "answer", "response"]].tolist() == [
        "toy-train-0",
        "2 + 2?\nA: 3\nB: 4",
        1,
        "B",
    ]
    record = read_metadata(output)
    assert record["inputs"] == {raw.as_posix(): sha256(raw)}
    assert (record["made_by"], record["config"]["split"]) == ("workflow/scripts/samples.py", "train")


def test_an_expected_error_is_one_line(tmp_path: Path) -> None:
    done = script("raw", *raw_arguments(tmp_path / "x.parquet", split="dev"), P2W_DEBUG="")
    assert done.returncode == 1
    assert done.stderr == "error: tasks.toy.hub.files: no split 'dev'; splits: train\n"
    assert list(tmp_path.iterdir()) == []


def fail(error: BaseException) -> None:
    raise error


PLACE = r"\(test_cli\.py, line \d+\); run again with P2W_DEBUG=1 and report it"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("two\n  lines"), 1, "error: two lines"),
        (FileNotFoundError("two lines"), 1, "error: two lines"),
        (TypeError("of\nours"), 1, f"internal error, a mistake in P2W: TypeError: of ours {PLACE}"),
        (KeyboardInterrupt(), 130, "stopped by SIGINT: run the same command again"),
    ],
)
def test_what_fails_is_one_line(error: BaseException, code: int, line: str, capsys, monkeypatch) -> None:
    """An expected error, a bug with its place, Ctrl-C."""
    monkeypatch.delenv("P2W_DEBUG", raising=False)
    with pytest.raises(SystemExit) as caught:
        run(lambda argv: fail(error))  # noqa: ARG005
    assert caught.value.code == code
    assert re.fullmatch(f"{line}\n", capsys.readouterr().err)


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2W_DEBUG", "1")
    with pytest.raises(ValueError, match="expected"):
        run(lambda argv: fail(ValueError("expected")))  # noqa: ARG005
