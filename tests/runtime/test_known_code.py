"""What a stage's code is, kept beside the workflow's other state: found once, and again when the source changes."""

from pathlib import Path

import pytest

from p2w.runtime import code, known_code
from p2w.runtime.known_code import PLACE, known_code_hash, source_digest


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script of one line, and a folder where a workflow worked."""
    script = tmp_path / "source/workflow/scripts/stage.py"
    script.parent.mkdir(parents=True)
    script.write_text("x = 1\n")
    (tmp_path / "work/.snakemake").mkdir(parents=True)
    monkeypatch.setattr(code, "ROOT", tmp_path / "source")
    monkeypatch.chdir(tmp_path / "work")
    forget()
    yield script
    forget()


def forget() -> None:
    for function in (code.code_files, code.code_hash, code.essence, code._used_files, source_digest, known_code._known):
        function.cache_clear()


def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing is read for its meaning."""
    forget()
    monkeypatch.setattr(code, "_Silence", lambda path: pytest.fail(f"{path}: read again"))


def test_it_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = known_code_hash("stage")
    assert found == code.code_hash("stage")
    no_work(monkeypatch)
    assert known_code_hash("stage") == found


def test_stages_are_kept_together(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source.parent / "other.py").write_text("x = 2\n")
    first, second = known_code_hash("stage"), known_code_hash("other")
    assert first != second
    no_work(monkeypatch)
    assert (known_code_hash("stage"), known_code_hash("other")) == (first, second)


def test_a_change_anywhere_in_the_source_makes_it_found_again(source: Path) -> None:
    before = known_code_hash("stage")
    source.write_text("x = 3\n")
    forget()
    assert known_code_hash("stage") == code.code_hash("stage") != before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": 1}', "\x00"])
def test_a_damaged_file_only_costs_time(text: str) -> None:
    expected = known_code_hash("stage")
    PLACE.write_text(text)
    forget()
    assert known_code_hash("stage") == expected


def test_where_no_workflow_works_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert known_code_hash("stage") == code.code_hash("stage")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "work"]
