"""`python -m p2w explain`: a chain of toy artifacts of every kind, told down to its sources, and what is not right."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from p2w.__main__ import main
from p2w.runtime.explain import explain
from p2w.runtime.files import sha256, write_json
from p2w.runtime.provenance import provenance
from p2w.runtime.records import as_comment, find_record, write_into_png
from p2w.runtime.tables import write_table
from p2w.runtime.tensor_files import write_tensors


def record(*inputs: Path, **config: object) -> dict:
    return provenance("samples", config, inputs, seed=3)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """source.json > table > tensors > folder of an adapter > evaluation > figure; the folder that they are in."""
    (tmp_path / "source.json").write_text("[1, 2]")
    table, tensors, folder = tmp_path / "table.parquet", tmp_path / "tensors.safetensors", tmp_path / "adapter"
    write_table(table, pd.DataFrame({"a": [1]}), record(tmp_path / "source.json", rate=0.1, entry={"a": 1, "b": None}))
    write_tensors(tensors, {"x": torch.ones(1)}, {"provenance": record(table)})
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"")
    write_json(folder / "run.json", {"losses": [], "provenance": record(tensors, table)})
    write_json(tmp_path / "evaluation.json", {"n": 3, "provenance": record(folder / "run.json", table)})
    Figure(figsize=(1, 1)).savefig(tmp_path / "figure.png")
    write_into_png(tmp_path / "figure.png", record(tmp_path / "evaluation.json"))
    return tmp_path


def test_a_lineage_goes_down_to_the_sources_and_tells_every_step_once(chain: Path) -> None:
    text = explain(chain / "figure.png")
    assert text.splitlines()[0] == f"{chain}/figure.png"
    assert text.count("made by workflow/scripts/samples.py, code ") == 5
    assert text.count("(as it is now)") == 5
    assert text.count("made as said above\n") == 1
    assert text.endswith("made as said above")
    assert f"source.json  sha256 {sha256(chain / 'source.json')[:12]}  a source\n" in text
    assert "config  rate 0.1\n" in text
    assert "config  entry: a 1\n" in text, "what is not set is not told"
    assert text.count("with    python ") == 1
    depth = {name: text.index(f"{chain}/{name}") for name in ("evaluation.json", "adapter/run.json", "source.json")}
    assert sorted(depth, key=depth.get) == ["evaluation.json", "adapter/run.json", "source.json"]


@pytest.mark.parametrize("name", ["evaluation.json", "table.parquet", "tensors.safetensors", "adapter/run.json"])
def test_every_input_is_compared_with_what_is_there_now(chain: Path, name: str) -> None:
    assert "  changed " not in explain(chain / "figure.png")
    digest, path = sha256(chain / name), chain / name
    with open(path, "ab") as file:
        file.write(b" ")
    text = explain(chain / "figure.png")
    assert f"  changed {path}  sha256 {digest[:12]}" in text
    still_readable = path.suffix == ".json"
    assert ("what made it cannot be read" in text) != still_readable
    assert "source.json" in text or not still_readable
    path.unlink()
    assert f"  missing {path}  sha256 {digest[:12]}" in explain(chain / "figure.png")


def test_a_record_may_stand_in_the_file_beside_it_or_at_the_end_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"# Card\n\n{as_comment(record(note='a -- b --> c'))}\n")
    assert find_record(tmp_path / "README.md")[1]["config"] == {"note": "a -- b --> c"}
    assert "-- b" not in as_comment({"a": "a -- b"})
    (tmp_path / "summary.csv").write_text("a\n1\n")
    with pytest.raises(ValueError, match=r"summary.csv: found no record of what made it, neither in itself nor in "):
        find_record(tmp_path / "summary.csv")
    write_json(tmp_path / "run.json", record(of="the folder"))
    assert find_record(tmp_path / "summary.csv")[1]["config"] == {"of": "the folder"}
    assert find_record(tmp_path)[1]["config"] == {"of": "the folder"}
    write_json(tmp_path / "summary.run.json", record(of="the summary"))
    assert find_record(tmp_path / "summary.csv")[1]["config"] == {"of": "the summary"}


def test_a_changed_script_is_told(chain: Path) -> None:
    path = chain / "evaluation.json"
    content = json.loads(path.read_text())
    write_json(path, content | {"provenance": content["provenance"] | {"code_sha256": "0" * 64}})
    assert "code 000000000000 (has changed since)" in explain(path)
    write_json(path, content | {"provenance": content["provenance"] | {"made_by": "workflow/scripts/old.py"}})
    assert "made by workflow/scripts/old.py, code" in explain(path)
    assert "(not here)" in explain(path)


def test_a_figure_is_still_a_figure(chain: Path) -> None:
    from matplotlib.image import imread

    assert imread(chain / "figure.png").shape == (100, 100, 4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.parquet", None, "no such file"),
        ("x.parquet", b"PAR1", "not a file of P2W, or damaged"),
        ("x.safetensors", b"x" * 20, "not a readable safetensors file"),
        ("x.json", b"{", "not valid JSON"),
        ("x.json", b"[]", "found no record of what made it"),
        ("x.png", b"GIF", "not a readable PNG file"),
        ("x.png", b"\x89PNG\r\n\x1a\n\0\0\0\7", "not a readable PNG file"),
        ("x.md", b"# Title", "found no record of what made it"),
        ("x.md", b"<!-- p2w {broken -->", "not a readable text with a record"),
        ("x.md", b"\xff\xfe<!-- p2w", "not a readable text"),
        ("x.txt", b"text", "found no record of what made it"),
        ("x.safetensors", b"\2\0\0\0\0\0\0\0{}", "found no record of what made it"),
    ],
)
def test_what_cannot_be_explained_is_one_error(tmp_path: Path, tally, name, content, message) -> None:
    tally("bad inputs")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        explain(tmp_path / name)
    assert name in str(caught.value)


def test_the_command_prints_one_lineage_after_the_other(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", str(chain / "table.parquet"), str(chain / "adapter")])
    output = capsys.readouterr().out
    assert output.startswith(f"{chain}/table.parquet\n")
    assert f"\n\n{chain}/adapter\n  record  {chain}/adapter/run.json\n" in output
    with pytest.raises(SystemExit):
        main([])
