"""A private token: sent to the Hub, and to nobody else; in no output and in no file, whatever goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.hub_faults import Fault
from tests.support.hub_server import HubServer, serving
from tests.support.network_cases import REVISION, TABLE

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset and a model, each with a large file."""
    for name in ("toy/" + TABLE, "model/model.safetensors"):
        path = tmp_path / "hub/owner" / name
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"question": ["2 + 2?"]}), path)
    return tmp_path / "hub"


def command(what: str, tmp_path: Path, hub: HubServer, **environment: str) -> subprocess.CompletedProcess[str]:
    """A stage as the workflow runs it: a process of its own, output and all into one log."""
    output = tmp_path / "results" / what / "train.parquet"
    files = {"dataset": "owner/toy", "revision": REVISION, "files": {"train": TABLE}}
    location = json.dumps({"hub": files, "splits": {"train": "train"}})
    source = ["--source", '{"kind": "hub"}', "--task", "toy", "--location", location, "--split", "train"]
    arguments = source if what == "raw" else ["--hub", "owner/model", "--revision", REVISION]
    line = [sys.executable, f"workflow/scripts/{what}.py", *arguments, "--output", str(output)]
    given = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "", "HF_TOKEN": TOKEN}
    return subprocess.run(line, capture_output=True, text=True, env=os.environ | given | environment, check=False)


RUNS = [
    ("raw", [], {"P2W_DEBUG": "1", "HF_DEBUG": "1"}),
    ("model", [], {"P2W_DEBUG": "1"}),
    ("raw", [Fault("GET", 503), Fault("GET", kind="cut")], {}),
    ("raw", [Fault("HEAD", 401, {"X-Error-Message": "token?"}, always=True)], {"P2W_DEBUG": "1"}),
    ("model", [Fault("GET", kind="other", path="/cdn/", always=True)], {"P2W_DEBUG": ""}),
]


@pytest.mark.parametrize(("what", "faults", "environment"), RUNS)
def test_the_token_goes_to_the_hub_and_nowhere_else(root, tmp_path, tally, what, faults, environment) -> None:
    """Not to the host that keeps the files, not into any output, and not into any file."""
    tally("network faults")
    with serving(root) as store, serving(root, cdn=store.url) as hub:
        store.faults = hub.faults
        hub.faults.extend(faults)
        done = command(what, tmp_path, hub, **environment)
        lasting = bool(hub.faults)
    assert (done.returncode != 0) == lasting, done.stderr
    assert {headers.get("authorization") for _, _, headers in hub.requests} == {f"Bearer {TOKEN}"}
    assert bool(store.requests) == (not lasting or what == "model")
    assert not any("authorization" in headers for _, _, headers in store.requests)
    if environment.get("P2W_DEBUG") != "1":
        assert done.stderr.count("\n") == lasting
        assert "X-Signature" not in done.stdout + done.stderr
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in content for content in written)
    assert TOKEN not in done.stdout + done.stderr
