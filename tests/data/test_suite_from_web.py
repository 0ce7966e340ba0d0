"""A suite by address, from the web (on this machine) or a folder in its layout, as the workflow takes it to samples."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from p2w.config.experiments import read_task_table
from p2w.config.locations import Location
from p2w.config.places import location, rendering
from p2w.config.settings import parse
from p2w.config.sources import Source
from p2w.config.tasks import Task
from p2w.data.raw import fetch_raw
from p2w.data.samples import render_samples
from p2w.runtime.files import sha256
from p2w.runtime.tables import read_table
from tests.support.hub_server import HubServer
from tests.support.network_cases import REVISION
from tests.support.workspace import PROJECT

PLACE = f"owner/lists/resolve/{REVISION}"  # what the server answers to
PAIRS = [("hot", "cold"), ("hot", "cool"), ("up", "down"), ("up", "down"), *[(f"w{k % 9}", f"v{k}") for k in range(27)]]


def rows(pairs: list[tuple[Any, Any]]) -> list[dict]:
    return [{"input": asked, "output": answer} for asked, answer in pairs]


@pytest.fixture
def files(root: Path) -> Path:
    """Files of the web, which lie where the server looks for them."""
    folder = root / "owner/lists"
    (folder / "abstractive").mkdir(parents=True)
    (folder / "abstractive/further.json").write_text(json.dumps(rows(PAIRS)))
    return folder


def suite(folder: Path, base: str, **entry: object) -> dict[str, Any]:
    """Entry `fv_further` of a copy of the shipped suite, one line more and another base, as plain values."""
    content = yaml.safe_load((PROJECT / "config/tasks/function_vectors.yaml").read_text(encoding="utf-8"))
    line = {"file": "abstractive/further.json", "question": ["What is against {input}?", "{input}: the other?"]}
    content |= {"base": base, "tasks": {**content["tasks"], "fv_further": {**line, **entry}}}
    (folder / "suite.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return read_task_table(folder / "suite.yaml")["tasks"]["fv_further"]


def samples(folder: Path, entry: dict[str, Any], source: Source, split: str) -> pd.DataFrame:
    raw = folder / f"{split}.parquet"
    fetch_raw(source, "fv_further", parse(Location, location(entry)), split, raw)
    return render_samples("fv_further", parse(Task, rendering(entry)), None, read_table(raw).to_pandas(), split)


def both(folder: Path, entry: dict[str, Any], source: Source) -> tuple[pd.DataFrame, pd.DataFrame]:
    return samples(folder, entry, source, "train"), samples(folder, entry, source, "test")


def test_a_further_file_is_one_more_entry(hub: HubServer, files: Path, tmp_path: Path) -> None:
    entry = suite(tmp_path, f"{hub.url}/{PLACE}", sha256=sha256(files / "abstractive/further.json"))
    train, test = both(tmp_path, entry, Source(kind="files"))
    assert {path for _, path, _ in hub.requests} == {f"/{PLACE}/abstractive/further.json"}
    assert set(zip(train["response"], train["system"], strict=True)) | set(
        zip(test["response"], test["system"], strict=True)
    ) == {(answer, "Answer with the answer alone.") for _, answer in PAIRS}
    assert len(train) + len(test) == len(set(PAIRS)), "what occurs twice is one sample"
    asked = [{prompt.removeprefix("What is against ").split(":")[0].rstrip("?") for prompt in part["prompt"]}
             for part in (train, test)]  # fmt: skip
    assert asked[0] | asked[1] == {word for word, _ in PAIRS}
    assert not asked[0] & asked[1], "what is asked in the test is nowhere in train, in whatever wording"


def test_a_folder_in_the_layout_of_the_web_gives_the_same_samples(hub: HubServer, files: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "web/a.b/c/abstractive"
    mirror.mkdir(parents=True)
    (mirror / "further.json").write_bytes((files / "abstractive/further.json").read_bytes())
    theirs = both(tmp_path, suite(tmp_path, f"{hub.url}/{PLACE}"), Source(kind="files"))
    local = Source(kind="local", root=str(tmp_path / "web"))
    for part, other in zip(theirs, both(tmp_path, suite(tmp_path, "https://a.b/c"), local), strict=True):
        pd.testing.assert_frame_equal(part, other)


def test_a_rows_wording_follows_from_what_it_holds(files: Path, tmp_path: Path) -> None:
    """So other rows do not change it, and every wording is used."""
    entry, source = suite(tmp_path, str(files)), Source(kind="files")
    before = pd.concat(both(tmp_path, entry, source)).set_index("id")["prompt"]
    assert before.str.endswith("the other?").mean() == pytest.approx(0.5, abs=0.3)
    more = [("new", "old"), *PAIRS[::-1], ("in", "out")]
    (files / "abstractive/further.json").write_text(json.dumps(rows(more)))
    after = pd.concat(both(tmp_path, entry, source)).set_index("id")["prompt"]
    assert after[before.index].tolist() == before.tolist()
    assert len(after) == len(before) + 2


def test_whole_numbers_are_texts_and_other_values_refused_by_their_row(files: Path, tmp_path: Path) -> None:
    entry, source = suite(tmp_path, str(files)), Source(kind="files")
    path = files / "abstractive/further.json"
    path.write_text(json.dumps(rows([(k, k * k) for k in range(10)])))
    train, test = both(tmp_path, entry, source)
    assert {*train["response"], *test["response"]} == {str(k * k) for k in range(10)}
    for value in (["a", "b"], 0.5, True, None, {"a": 1}):
        path.write_text(json.dumps(rows([(f"w{k}", value) for k in range(10)])))
        with pytest.raises(ValueError, match=r"^fv_further/train row 0: column 'output': found .*, expected text$"):
            samples(tmp_path, entry, source, "train")
    path.write_text(json.dumps(rows([("a", "b"), ("c", ["d"])])))
    with pytest.raises(ValueError, match=r"further\.json: column 'output': found values of several types"):
        samples(tmp_path, entry, source, "train")


def test_an_id_that_two_different_rows_have_is_an_error(files: Path, tmp_path: Path) -> None:
    entry = suite(tmp_path, str(files), id=["input"], together=["output"])
    with pytest.raises(ValueError, match=r"fv_further/t\w+: id '\w{16}' occurs more than once, expected distinct ids"):
        both(tmp_path, entry, Source(kind="files"))
    entry = suite(tmp_path, str(files), id=["word"])
    with pytest.raises(ValueError, match=r"tasks\.fv_further\.id: no column 'word'; columns: input, output"):
        samples(tmp_path, entry, Source(kind="files"), "train")


def test_another_score_or_place_changes_no_sample_and_another_wording_no_raw_table() -> None:
    entry = {"file": "x.json", "splits": {}, "question": "{a} {b}", "id": "c", "score": {"kind": "exact"}}
    assert rendering(entry) == rendering({**entry, "file": "y.json", "score": {"kind": "normalized"}})
    assert location(entry) == location({**entry, "question": ["{b}: {a}", "{a}, {b}"]})
    tests = {"kind": "code", "tests": "{d}"}
    assert rendering({**entry, "score": tests})["score"] == tests
