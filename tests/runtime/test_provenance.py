"""The record of an artifact: complete, plain JSON, and silent about the machine."""

import json
import socket
from pathlib import Path

from p2w.runtime.files import sha256
from p2w.runtime.provenance import provenance, versions


def test_the_record_is_complete_and_plain(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / name).write_text(name)
    record = provenance("samples", {"rate": 0.1}, [tmp_path / "b", str(tmp_path / "a")], seed=7)
    assert json.loads(json.dumps(record)) == record
    assert (record["made_by"], record["config"], record["seed"]) == ("workflow/scripts/samples.py", {"rate": 0.1}, 7)
    assert list(record["inputs"].items()) == [(str(tmp_path / name), sha256(tmp_path / name)) for name in "ab"]
    assert record["versions"] == versions()
    assert {"python", "torch", "pandas", "pyarrow"} <= set(record["versions"])


def test_the_same_work_has_the_same_record_on_any_machine() -> None:
    record = provenance("samples", {"x": 1})
    assert provenance("samples", {"x": 1}) == record
    assert provenance("raw", {"x": 1})["code_sha256"] != record["code_sha256"]
    text = json.dumps(record)
    assert socket.gethostname() not in text
    assert str(Path.cwd()) not in text
