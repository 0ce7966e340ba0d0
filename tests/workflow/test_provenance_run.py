"""Everything that a finished run leaves says what made it, down to raw data and base model, and names no machine."""

import base64
import json
import re
import socket
from pathlib import Path

import pytest

from p2w.runtime.explain import explain
from p2w.runtime.records import find_record, record_of
from tests.support.finished import SUMMARY
from tests.support.workspace import Workspace

pytestmark = pytest.mark.xdist_group("workflow")

# What a run leaves beside its artifacts.
BESIDE = ("logs", "benchmarks", "cache", "report.html")
# The base model that ships with P2W was made by older code from an older task table, as its record truly says.
KNOWN = re.compile(r" *((changed|missing) config/tasks\.yaml .*|made by workflow/scripts/build_pocket_base\.py, .*)")


def outputs(done: Workspace) -> dict[str, str]:
    """Every output of every job that ran, as Snakemake noted it, and the rule that made it."""
    folder = done.folder / ".snakemake/metadata"
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        encoded = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        found[base64.urlsafe_b64decode(encoded).decode()] = json.loads(path.read_text())["rule"]
    return found


@pytest.fixture
def inside(done: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The finished workspace as the current folder: paths in records are taken from there."""
    monkeypatch.chdir(done.folder)
    return done


def test_all_that_is_there_is_an_output_of_a_rule(done: Workspace) -> None:
    files = (path.relative_to(done.folder) for path in (done.folder / "results").rglob("*") if path.is_file())
    left = {path.as_posix() for path in files if not set(path.parts) & set(BESIDE)}
    assert left == set(outputs(done))


def test_every_output_says_what_made_it(inside: Workspace) -> None:
    """The record names the script of the rule that made the file."""
    made = outputs(inside)
    assert len(made) > 250
    for name, rule in made.items():
        record = record_of(find_record(Path(name))[1])
        assert record["made_by"] == f"workflow/scripts/{rule}.py", name
        assert {"config", "seed", "code_sha256", "versions", "inputs"} <= set(record), name


def test_records_name_no_machine_no_folder_and_no_time(inside: Workspace) -> None:
    for name in outputs(inside):
        text = json.dumps(find_record(Path(name))[1])
        for secret in (str(inside.folder), socket.gethostname() + ".", str(Path.home()) + "/", "/tmp/"):
            assert secret not in text, (name, secret)
        assert not re.search(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d", text), name
        assert not any(path.startswith("/") for path in record_of(json.loads(text))["inputs"]), name


def test_every_kind_of_output_is_explained_down_to_the_raw_tables(inside: Workspace) -> None:
    """One of each rule and kind of file; everything below it is still as it was recorded."""
    kinds = {}
    for name, rule in outputs(inside).items():
        kinds.setdefault((rule, Path(name).name if rule != "raw" else Path(name).suffix), name)
    assert len(kinds) > 40
    for (rule, _), name in kinds.items():
        text = explain(Path(name))
        assert "results/raw/pocket/" in text, name
        wrong = [
            line for line in text.splitlines() if re.search("^ *(changed|missing) |has changed since|not here", line)
        ]
        assert all(map(KNOWN.fullmatch, wrong)), wrong
        if rule in ("finetune", "decoder", "generate", "evaluate", "summary", "card", "multi_task"):
            assert "p2w/pocket/base_model/config.json" in text, name


SCRIPTS = ("summary", "evaluate", "generate", "decoder", "checkpoints", "finetune", "embeddings", "samples", "raw",
           "control", "multi_task", "constant", "prompt_controls", "prompt_variants")  # fmt: skip


@pytest.mark.usefixtures("inside")
def test_the_summary_is_the_end_of_everything() -> None:
    text = explain(Path(SUMMARY))
    for script in SCRIPTS:
        assert f"made by workflow/scripts/{script}.py" in text, script
    for name in ("boolq", "piqa", "openbookqa"):
        assert f"results/raw/pocket/{name}/train.parquet" in text
