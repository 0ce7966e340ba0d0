"""The raw stage: one path through the code for the Hub (on this machine), local folders, the web, the pocket world."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from p2w.config.locations import HubDataset, Location
from p2w.config.sources import Source
from p2w.data.hub.calls import DownloadError
from p2w.data.raw import fetch_raw, manifest_path
from p2w.runtime.files import read_json, sha256
from p2w.runtime.tables import read_metadata
from tests.support.hub_faults import Fault
from tests.support.hub_server import HubServer
from tests.support.network_cases import REVISION
from tests.support.network_cases import TABLE as FILE
from tests.support.toy_dataset import ROWS, TOKEN

HUB = Source(kind="hub")


def toy(file: str = FILE, sha256: dict[str, str] | None = None, dataset: str = "owner/toy") -> Location:
    hub = HubDataset(dataset=dataset, revision=REVISION, files={"train": file}, sha256=sha256 or {})
    return Location(splits={"train": "train"}, hub=hub)


def fetch(tmp_path: Path, location: Location, source: Source = HUB) -> Path:
    output = tmp_path / "raw" / "train.parquet"
    fetch_raw(source, "toy", location, "train", output)
    return output


def test_hub_table_keeps_columns_and_says_where_it_is_from(hub: HubServer, root: Path, tmp_path: Path) -> None:
    output = fetch(tmp_path, toy())
    assert pq.read_table(output).to_pylist() == ROWS
    manifest = {
        "source": {"kind": "hub"},
        "task": "toy",
        "split": "train",
        "dataset": "owner/toy",
        "revision": REVISION,
        "files": {FILE: sha256(root / "owner/toy" / FILE)},
        "rows": 1,
        "columns": ["question", "choices", "answerKey", "extra"],
    }
    found = read_json(tmp_path / "raw/train.manifest.json")
    assert found == read_metadata(output)
    made = found.pop("provenance")
    assert found == manifest
    assert (made["made_by"], made["inputs"]) == ("workflow/scripts/raw.py", {})
    assert made["config"]["location"]["hub"]["revision"] == REVISION
    assert b"huggingface" in pq.read_schema(output).metadata
    assert {headers["authorization"] for _, _, headers in hub.requests} == {f"Bearer {TOKEN}"}
    assert all(f"/datasets/owner/toy/resolve/{REVISION}/{FILE}" in path for _, path, _ in hub.requests)


@pytest.mark.usefixtures("naps")
def test_interrupted_download_is_resumed(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100)
    hub.faults = [Fault("GET", kind="cut")]
    assert pq.read_table(fetch(tmp_path, toy())).to_pylist() == ROWS
    first, second = [headers.get("range") for method, _, headers in hub.requests if method == "GET"]
    assert first is None
    assert re.fullmatch("bytes=[1-9][0-9]*00-", second)


@pytest.mark.usefixtures("naps")
def test_what_waiting_may_help_is_asked_for_several_times(hub: HubServer, tmp_path: Path) -> None:
    hub.faults = [Fault("HEAD", 502, always=True)]
    with pytest.raises(DownloadError, match="the Hub answered HTTP 502"):
        fetch(tmp_path, toy())
    assert 5 <= hub.seen("HEAD") < 60


@pytest.mark.parametrize(
    ("location", "status", "message"),
    [
        (toy(file="toy/test.parquet"), None, r"file toy/test.parquet: no such file \(HTTP 404\)"),
        (toy(dataset="owner/other"), None, "owner/other, .*no such repository, or it needs a token: set HF_TOKEN"),
        (toy(), 401, r"set HF_TOKEN \(HTTP 401\)"),
        (toy(), 403, r"set HF_TOKEN \(HTTP 403\)"),
    ],
)
def test_what_no_waiting_helps_is_asked_for_once_and_the_token_stays_secret(
    hub: HubServer, tmp_path: Path, naps: list[float], location: Location, status: int | None, message: str
) -> None:
    hub.faults = [Fault("HEAD", status)] if status else []
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(tmp_path, location)
    assert TOKEN not in str(caught.value)
    assert (hub.seen("HEAD"), naps) == (1, [])


@pytest.mark.usefixtures("naps")
def test_no_server_names_the_failure_but_no_address(hub: HubServer, tmp_path: Path) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(DownloadError, match=r"file toy/train.*: ConnectError: ") as caught:
        fetch(tmp_path, toy())
    assert "127.0.0.1" not in str(caught.value)


def test_pinned_hash_is_checked(hub: HubServer, root: Path, tmp_path: Path) -> None:
    right = sha256(root / "owner/toy" / FILE)
    fetch(tmp_path, toy(sha256={"train": right}))
    with pytest.raises(ValueError, match=f"found sha256 {right}, expected {'0' * 64}"):
        fetch(tmp_path, toy(sha256={"train": "0" * 64}))
    assert hub.seen("GET") == 2, "a file with the wrong hash is downloaded once more, no oftener"


@pytest.mark.parametrize("pinned", [True, False])
def test_damaged_cache_is_replaced(hub: HubServer, root: Path, tmp_path: Path, pinned: bool) -> None:
    location = toy(sha256={"train": sha256(root / "owner/toy" / FILE)} if pinned else None)
    fetch(tmp_path, location)
    damage_cache(tmp_path)
    assert pq.read_table(fetch(tmp_path, location)).to_pylist() == ROWS
    fetch(tmp_path, location)
    assert hub.seen("GET") == 2


def damage_cache(tmp_path: Path) -> None:
    (blob,) = (tmp_path / "cache/datasets--owner--toy/blobs").iterdir()
    blob.write_bytes(blob.read_bytes()[:100])


def test_offline_uses_the_cache_alone(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    fetch(tmp_path, toy())
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert pq.read_table(fetch(tmp_path, toy())).to_pylist() == ROWS
    with pytest.raises(DownloadError, match="not in the cache, and HF_HUB_OFFLINE forbids a download"):
        fetch(tmp_path, toy(file="toy/test.parquet"))
    damage_cache(tmp_path)
    with pytest.raises(ValueError, match=r"found sha256 .*, expected "):
        fetch(tmp_path, toy())
    assert (hub.requests, naps) == ([], [])


def test_local_folder_gives_the_same_table(root: Path, tmp_path: Path) -> None:
    local = Source(kind="local", root=str(root))
    output = fetch(tmp_path, toy(), local)
    assert pq.read_table(output).to_pylist() == ROWS
    manifest = read_json(manifest_path(output))
    assert manifest["source"] == {"kind": "local", "root": str(root)}
    assert (manifest["dataset"], manifest["revision"], manifest["rows"]) == ("owner/toy", None, 1)
    file = root / "owner/toy" / FILE
    assert manifest["provenance"]["inputs"] == {file.as_posix(): sha256(file)}
    file.unlink()
    with pytest.raises(FileNotFoundError, match=f"no file {file}; source of kind local: expected {{root}}/"):
        fetch(tmp_path, toy(), local)


def test_pocket_rows_follow_p2w_splits(tmp_path: Path) -> None:
    """BoolQ's own validation split is P2W's test split, so it has as many rows as a test split."""
    source = Source(kind="pocket", seed=3, rows={"train": 11, "validation": 5, "test": 7})
    location = Location(splits={"train": "train", "test": "validation"})
    output = tmp_path / "validation.parquet"
    fetch_raw(source, "boolq", location, "validation", output)
    assert pq.read_table(output).num_rows == 7
    assert read_metadata(output)["source"] == source.given()
    again = tmp_path / "again.parquet"
    fetch_raw(source, "boolq", location, "validation", again)
    assert again.read_bytes() == output.read_bytes()
