"""The network as it is: whatever happens on the way from the Hub, the right bytes arrive or one line says why not.

After every fault the cache is looked through: nothing in it has a name that its bytes do not bear out. And after every
failure a healthy Hub is asked again, with the same cache.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from p2w.config.locations import HubDataset, Location
from p2w.config.sources import Source
from p2w.data.hub.calls import DownloadError
from p2w.data.hub.file import HASH, HubFile, check, fetch
from p2w.data.hub.models import download_model
from p2w.data.raw import fetch_raw
from p2w.runtime.files import read_json, sha256
from tests.support.hub_faults import Fault
from tests.support.hub_server import HubServer, name_of, point_client, serving
from tests.support.network_cases import (
    FILE,
    LASTING,
    MODEL_NAME,
    PASSING,
    REVISION,
    TABLE,
    a_minute_from_now,
    case_name,
)

ROWS = [{"question": "2 + 2?", "left": "3", "right": "4", "label": 1}]
MODEL = {"config.json": b'{"hidden_size": 48}', "model.safetensors": b"weights" * 100, "tokenizer.json": b'{"a": 1}'}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset and a model in the Hub's layout."""
    folder = tmp_path / "hub/owner"
    (folder / "toy/toy").mkdir(parents=True)
    (folder / "model").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "toy" / TABLE)
    for name, content in MODEL.items():
        (folder / "model" / name).write_bytes(content)
    return tmp_path / "hub"


@pytest.fixture
def hub(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub that keeps large files on another host, as the real one does; both commit the same faults. No waiting."""
    with serving(root) as store, serving(root, cdn=store.url) as server:
        store.faults = server.faults
        point_client(monkeypatch, server.url, tmp_path / "cache")
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100)
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        yield server


def get_table(tmp_path: Path, pinned: str | None = None) -> bytes:
    """The raw stage for the toy dataset; the bytes of the file that it read."""
    pins = {"train": pinned} if pinned else {}
    files = HubDataset(dataset="owner/toy", revision=REVISION, files={"train": TABLE}, sha256=pins)
    output = tmp_path / "results/raw/train.parquet"
    fetch_raw(Source(kind="hub"), "toy", Location(splits={"train": "train"}, hub=files), "train", output)
    assert pq.read_table(output).to_pylist() == ROWS
    return read_json(output.with_name("train.manifest.json"))["files"][TABLE]


def get_model(tmp_path: Path) -> dict[str, str]:
    """The model stage; hashes of what came."""
    download_model("owner/model", REVISION, tmp_path / "results/model.json")
    return read_json(tmp_path / "results/model.json")["files"]


def assert_right(root: Path, tmp_path: Path, what: str) -> None:
    """One run of a stage: its manifest must hold the hashes of what the Hub has."""
    if what == "table":
        assert get_table(tmp_path) == sha256(root / "owner/toy" / TABLE)
    else:
        assert get_model(tmp_path) == {name: sha256(root / "owner/model" / name) for name in MODEL}


def assert_clean_cache(tmp_path: Path) -> None:
    """Every blob is what it is called, and nothing half-written lies about."""
    for blob in (tmp_path / "cache").glob("*--*/blobs/*"):
        assert HASH.fullmatch(blob.name), blob
        content = blob.read_bytes()
        assert blob.name in (name_of("x.parquet", content), name_of("x.json", content))


@pytest.mark.parametrize("case", PASSING, ids=case_name)
def test_a_fault_that_passes(hub: HubServer, root: Path, tmp_path: Path, tally, case: tuple) -> None:
    what, fault, times = case
    tally("network faults")
    hub.faults.extend([fault] * times)
    assert_right(root, tmp_path, what)
    assert hub.faults == []
    assert_clean_cache(tmp_path)


@pytest.mark.parametrize("case", LASTING, ids=case_name)
def test_a_fault_that_lasts(hub: HubServer, root: Path, tmp_path: Path, tally, case: tuple) -> None:
    """One line with repository, revision, file and reason; nothing is written; the same cache serves the next run."""
    what, fault, message = case
    tally("network faults")
    fault.always = True
    hub.faults.append(fault)
    with pytest.raises((DownloadError, ValueError), match=message) as caught:
        assert_right(root, tmp_path, what)
    assert "http" not in str(caught.value).replace("HTTP", "")
    assert not (tmp_path / "results").exists()
    assert_clean_cache(tmp_path)
    hub.faults.clear()
    assert_right(root, tmp_path, what)
    assert_clean_cache(tmp_path)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7),
        ("in a minute", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("soon", 0),
        ("-3", 0),
        ("", 0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(hub, root, tmp_path, monkeypatch, asked, seconds) -> None:
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    hub.faults.append(Fault("HEAD", 429, {"Retry-After": asked.replace("in a minute", a_minute_from_now())}))
    assert_right(root, tmp_path, "table")
    (nap,) = naps
    assert max(1, seconds - 5) <= nap <= max(1.5, seconds)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("what", ["table", "model"])
def test_nobody_answers(root: Path, tmp_path: Path, tally, monkeypatch, what: str) -> None:
    """A refused connection is tried three times in a few seconds."""
    tally("network faults")
    naps: list[float] = []
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", naps.append)
        point_client(patched, "http://127.0.0.1:9", tmp_path / "cache")
        with pytest.raises(DownloadError, match="ConnectError: "):
            assert_right(root, tmp_path, what)
    assert len(naps) == 2
    assert sum(naps) < 5
    assert_right(root, tmp_path, what)


@pytest.mark.usefixtures("hub")
def test_a_file_is_no_worse_for_a_damaged_cache(root: Path, tmp_path: Path, tally) -> None:
    """Small files are known by git's blob id, which is checked like the sha256 of large ones."""
    tally("network faults", 3)
    get_model(tmp_path)
    for blob in (tmp_path / "cache/models--owner--model/blobs").iterdir():
        blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    assert_right(root, tmp_path, "model")
    assert_clean_cache(tmp_path)


def test_a_blob_shared_between_repositories_is_known_by_its_own_name(
    hub: HubServer, root: Path, tmp_path: Path
) -> None:
    """The client may keep a blob elsewhere in its cache, under Xet's hash; what counts is the Hub's hash."""
    get_table(tmp_path)
    (blob,) = (tmp_path / "cache/datasets--owner--toy/blobs").iterdir()
    shared = tmp_path / "cache/blobs/aa" / ("a" * 64)
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(shared)
    hub.requests.clear()
    assert_right(root, tmp_path, "table")
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
def test_a_file_without_a_hash_is_refused_unless_one_is_pinned(root: Path, tmp_path: Path) -> None:
    path = fetch(HubFile("dataset", "owner/toy", REVISION, TABLE))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert "no hash to check it by" in check(path)
    assert check(path, sha256(root / "owner/toy" / TABLE)) is None
    get_table(tmp_path, pinned=sha256(root / "owner/toy" / TABLE))


def test_offline_a_warm_cache_is_enough_and_a_cold_one_is_named(hub, root, tmp_path, monkeypatch, tally) -> None:
    tally("network faults", 4)
    for what in ("table", "model"):
        assert_right(root, tmp_path, what)
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for what in ("table", "model"):
        assert_right(root, tmp_path, what)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cold"))
    for what, message in (("table", FILE), ("model", f"{MODEL_NAME}: ")):
        with pytest.raises(DownloadError, match=f"{message}not in the cache, and HF_HUB_OFFLINE forbids a download$"):
            assert_right(root, tmp_path, what)
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
def test_offline_an_incomplete_model_is_refused(tmp_path, monkeypatch, tally) -> None:
    tally("network faults")
    get_model(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (path,) = (tmp_path / "cache/models--owner--model/snapshots").glob("*/config.json")
    path.unlink()
    with pytest.raises(DownloadError, match=f"{MODEL_NAME}: .*not (all )?in the cache"):
        get_model(tmp_path)
