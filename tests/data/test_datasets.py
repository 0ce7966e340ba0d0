"""Datasets by their configs, files of every kind, addresses: what `datasets` reads, and what becomes of it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from huggingface_hub import constants

from p2w.config.locations import Location
from p2w.config.settings import parse
from p2w.config.sources import Source
from p2w.data.hub.calls import DownloadError
from p2w.data.raw import fetch_raw, manifest_path
from p2w.data.tables import read_files
from p2w.runtime.files import read_json, sha256
from tests.support.hub_faults import Fault
from tests.support.hub_server import HubServer
from tests.support.network_cases import REVISION

CARD = """---
dataset_info:
- config_name: news
  features:
  - {name: text, dtype: string}
  - name: label
    dtype: {class_label: {names: {'0': World, '1': Sports}}}
configs:
- config_name: news
  data_files: [{split: train, path: news/a-*}, {split: dev, path: news/dev.csv}]
- config_name: other
  data_files: other.jsonl
---
"""
NEWS = [{"text": "A war", "label": "World"}, {"text": "A goal", "label": "Sports"}, {"text": "?", "label": None}]
HUB = Source(kind="hub")


@pytest.fixture
def carded(root: Path) -> Path:
    """A dataset whose card says which files its configs are."""
    folder = root / "owner/carded"
    (folder / "news").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / "news/a-0.csv").write_text("text,label\nA war,0\n")
    (folder / "news/a-1.csv").write_text("text,label\nA goal,1\n?,-1\n")
    (folder / "news/dev.csv").write_text("text,label\nA match,1\n")
    (folder / "other.jsonl").write_text('{"text": "only", "more": [1]}\n')
    return folder


def fetch(tmp_path: Path, split: str = "train", source: Source = HUB, **location: object) -> list[dict]:
    """Rows of the raw stage for an entry of the task table."""
    output = tmp_path / "raw" / f"{split}.parquet"
    fetch_raw(source, "toy", parse(Location, {"splits": {"train": "train"}, **location}), split, output)
    return pq.read_table(output).to_pylist()


def hub_dataset(config: str | None = None, dataset: str = "owner/carded", **more: object) -> dict:
    return {"hub": {"dataset": dataset, "revision": REVISION, "config": config, **more}}


def test_a_config_needs_no_file_names(hub: HubServer, carded: Path, tmp_path: Path, monkeypatch) -> None:
    """Labels are called by their names; what was fetched once is there without the Hub too."""
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        assert fetch(tmp_path, **hub_dataset("news")) == NEWS
        manifest = read_json(manifest_path(tmp_path / "raw/train.parquet"))
        hashes = {f"news/a-{k}.csv": sha256(carded / f"news/a-{k}.csv") for k in (0, 1)}
        assert (manifest["files"], manifest["revision"], manifest["rows"]) == (hashes, REVISION, 3)
        with pytest.raises(
            ValueError, match=rf"dataset owner/carded, revision {REVISION}: no config 'new'; configs: news, other"
        ):
            fetch(tmp_path, **hub_dataset("new"))
        with pytest.raises(ValueError, match="no split 'test'; splits: train, dev"):
            fetch(tmp_path, "test", **hub_dataset("news"))
        hub.requests.clear()
    with pytest.raises(DownloadError, match=r"file news/dev\.csv: not in the cache, and HF_HUB_OFFLINE forbids"):
        fetch(tmp_path, "dev", **hub_dataset("news"))
    with pytest.raises(DownloadError, match=rf"owner/toy, revision {REVISION}: not in the cache, and HF_HUB_OFFLINE"):
        fetch(tmp_path, **hub_dataset("toy", "owner/toy"))
    assert hub.requests == []


def test_a_local_folder_is_read_by_the_same_rules(carded: Path, root: Path, tmp_path: Path) -> None:
    local = Source(kind="local", root=str(root))
    assert fetch(tmp_path, source=local, **hub_dataset("news")) == NEWS
    assert fetch(tmp_path, source=local, **hub_dataset("other")) == [{"text": "only", "more": [1]}]
    assert fetch(tmp_path, "validation", local, folder=str(carded / "news")) == [{"text": "A match", "label": "1"}]
    with pytest.raises(ValueError, match=r"owner/carded: no config 'x'; configs: news, other"):
        fetch(tmp_path, source=local, **hub_dataset("x"))
    with pytest.raises(ValueError, match=r"owner/none: found no data files in it"):
        fetch(tmp_path, source=local, **hub_dataset(dataset="owner/none"))


def test_without_a_card_names_say_it(hub: HubServer, tmp_path: Path) -> None:
    """A folder of the config's name, and in it the names of the splits."""
    assert fetch(tmp_path, **hub_dataset("toy", "owner/toy"))[0]["extra"] == 7
    assert fetch(tmp_path, **hub_dataset(None, "owner/toy"))[0]["extra"] == 7
    assert {headers.get("authorization") for _, _, headers in hub.requests} != {None}


@pytest.mark.usefixtures("hub")
def test_a_pin_is_for_one_file(carded: Path, tmp_path: Path) -> None:
    pins = {"train": "0" * 64, "dev": sha256(carded / "news/dev.csv")}
    fetch(tmp_path, "dev", **hub_dataset("news", sha256=pins))
    with pytest.raises(
        ValueError, match=r"sha256\.train: found 2 files \(news/a-0\.csv, news/a-1\.csv\), expected one"
    ):
        fetch(tmp_path, **hub_dataset("news", sha256=pins))


@pytest.mark.usefixtures("naps", "carded")
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault("GET", 503, path="/api/"), "the Hub answered HTTP 503$"),
        (Fault("GET", 401, path="/api/"), r"set HF_TOKEN \(HTTP 401\)$"),
        (Fault("GET", kind="page", path="/api/"), "found no list of files .*a proxy"),
        (Fault("GET", kind="other", path="README.md"), r"file README\.md: found git blob id \w{40}, expected \w{40}$"),
    ],
    ids=str,
)
def test_a_card_or_list_that_cannot_be_had(hub: HubServer, tmp_path: Path, fault: Fault, message: str) -> None:
    fault.always = True
    hub.faults.append(fault)
    with pytest.raises((DownloadError, ValueError), match=rf"dataset owner/carded, revision {REVISION}.*{message}"):
        fetch(tmp_path, **hub_dataset("news"))
    hub.faults.clear()
    assert fetch(tmp_path, **hub_dataset("news")) == NEWS


TEXT = [{"a": "1", "b": "x, y"}, {"a": "NA", "b": None}]
MIXED = [{"a": 1, "b": ["x"]}, {"a": None, "b": []}]


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


KINDS = {  # what is in a file of each kind, as text or by a writer, and its rows
    ".csv": ('\ufeffa,b\n1,"x, y"\nNA,\n', TEXT),
    ".tsv": ("a\tb\n1\tx, y\nNA\t\n", TEXT),
    ".txt": ("x\ny\n", [{"text": "x"}, {"text": "y"}]),
    ".json": (json.dumps(MIXED), MIXED),
    ".jsonl": ("\n".join(map(json.dumps, MIXED)), MIXED),
    ".parquet": (pq.write_table, MIXED),
    ".arrow": (write_arrow, MIXED),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_a_table(tmp_path: Path, kind: str) -> None:
    path, (content, rows) = tmp_path / f"a[1] *{kind}", KINDS[kind]  # a name, not a pattern
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        content(pa.Table.from_pylist(rows), path)
    assert read_files([path]).to_pylist() == rows
    assert read_files([path, path]).num_rows == 4
    path.write_bytes(b"\xff\xfe\x00[")
    with pytest.raises(ValueError, match=rf"a\[1\] \*{kind}.*: not (a readable|valid)"):
        read_files([path])


def test_labels_of_a_file_have_names_and_no_cache_is_left(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    features = Features({"text": Value("string"), "label": ClassLabel(names=["World", "Sports"])})
    rows = Dataset.from_dict({"text": [row["text"] for row in NEWS], "label": [0, 1, -1]})
    rows.cast(features).to_parquet(tmp_path / "x.parquet")
    assert read_files([tmp_path / "x.parquet"]).to_pylist() == NEWS
    (tmp_path / "x.csv").write_text("text,label\nx,7\n")
    with pytest.raises(
        ValueError, match=r"x\.csv: column 'label': found label '7', expected one of \['World', 'Sports'\]"
    ):
        read_files([tmp_path / "x.csv"], features)
    assert not (tmp_path / "home").exists()


def test_a_column_of_several_types_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a": 1}, {"a": "x"}]')
    with pytest.raises(ValueError, match=r"x\.json: column 'a': found values of several types"):
        read_files([tmp_path / "x.json"])
    (tmp_path / "y.json").write_text('[{"a": "y"}]')
    (tmp_path / "z.json").write_text('[{"a": ["z"]}]')
    with pytest.raises(ValueError, match=r"y\.json, .*z\.json: their columns do not go together"):
        read_files([tmp_path / "y.json", tmp_path / "z.json"])


def address(hub: HubServer) -> str:
    """Any file of the server has an address."""
    return f"{hub.url}/owner/carded/resolve/{REVISION}/other.jsonl?signature=secret"


@pytest.mark.parametrize(
    "fault", [Fault("GET", 503), Fault("GET", kind="cut"), Fault("GET", kind="reset"), None], ids=str
)
def test_an_address_is_fetched_without_the_token(hub, carded, tmp_path, naps, fault) -> None:
    hub.faults = [fault, fault] if fault else []
    assert fetch(tmp_path, source=Source(kind="files"), files={"train": address(hub)})[0]["text"] == "only"
    manifest = (tmp_path / "raw/train.manifest.json").read_text()
    assert sha256(carded / "other.jsonl") in manifest
    assert "secret" not in manifest
    assert not any("authorization" in headers for _, _, headers in hub.requests)
    assert len(naps) == len([fault] if fault else []) * 2


@pytest.mark.usefixtures("naps")
def test_an_address_that_fails_is_one_line(hub: HubServer, carded: Path, tmp_path: Path, monkeypatch) -> None:
    own, place = Source(kind="files"), {"files": {"train": address(hub)}}
    shown = rf"file {hub.url}/owner/carded/resolve/{REVISION}/other\.jsonl: "
    with pytest.raises(ValueError, match=rf"{shown}found sha256 \w{{64}}, expected 0{{64}}$"):
        fetch(tmp_path, source=own, **place, sha256={"train": "0" * 64})
    (carded / "other.jsonl").write_text("<rss>")
    with pytest.raises(ValueError, match=r"^other\.jsonl, line 1: not valid JSON"):
        fetch(tmp_path, source=own, **place)
    hub.faults = [Fault("GET", kind="page", always=True)]
    for pinned in ({}, {"sha256": {"train": "0" * 64}}):
        with pytest.raises(DownloadError, match=rf"^{shown}found a web page, expected the file: does it need a login"):
            fetch(tmp_path, source=own, **place, **pinned)
    hub.faults = []
    (carded / "other.jsonl").unlink()
    with pytest.raises(DownloadError, match=f"{shown}the answer is HTTP 404$"):
        fetch(tmp_path, source=own, **place)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=f"{shown}not in the cache, and HF_HUB_OFFLINE forbids a download$"):
        fetch(tmp_path, source=own, **place)
    assert not (tmp_path / "raw").exists()


def test_a_local_source_has_the_web_too(tmp_path: Path) -> None:
    path = tmp_path / "mirror/a.b/c d/x.txt"
    path.parent.mkdir(parents=True)
    path.write_text("one\ntwo\n")
    local, files = Source(kind="local", root=str(tmp_path / "mirror")), {"train": "https://a.b/c%20d/x.txt?key=1"}
    rows = fetch(tmp_path, source=local, files=files, sha256={"train": sha256(path)})
    assert rows == [{"text": "one"}, {"text": "two"}]
    with pytest.raises(
        FileNotFoundError, match=r"no file .*a\.b/y\.csv; source of kind local: expected {root}/{host}/{path}"
    ):
        fetch(tmp_path, source=local, files={"train": "https://a.b/y.csv"})


def test_one_file_of_any_columns_is_divided(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\n".join(f'{{"key": {k}, "text": "t{k}"}}' for k in range(10)))
    entry = {"file": str(tmp_path / "x.jsonl"), "id": "key", "splits": {"train": "train", "test": "test"}}
    parts = [fetch(tmp_path, split, Source(kind="files"), **entry) for split in ("train", "test")]
    assert [len(part) for part in parts] == [8, 2]
    assert sorted(row["key"] for part in parts for row in part) == list(range(10))
    with pytest.raises(ValueError, match=r"tasks\.toy\.id: no column 'name'; columns: key, text"):
        fetch(tmp_path, "test", Source(kind="files"), **{**entry, "id": "name"})
