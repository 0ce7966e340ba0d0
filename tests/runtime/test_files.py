"""A file appears whole or not at all."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from p2w.runtime.files import atomic_path, link, read_json, sha256, transaction, write_json, write_text
from p2w.runtime.tensor_files import write_tensors


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new/folder/out.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
        assert temporary.parent == target.parent, "a rename is atomic within one file system only"
        temporary.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def replacing(path: Path, _tensors: object, _metadata: object) -> None:
    """A writer that renames a file of its own onto the temporary one."""
    with atomic_path(path) as temporary:
        other = path.with_name("other")
        other.write_text("other")
        other.chmod(0o600)
        other.rename(temporary)


def test_an_artifact_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "out.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("write", [write_tensors, replacing])
def test_a_file_that_a_library_put_in_place_of_the_temporary_one_is_as_readable_and_locked(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    before = os.umask(0o027)
    try:
        with transaction():
            write(tmp_path / "out.safetensors", {"a": torch.zeros(3)}, {})
            with atomic_path(tmp_path / "out.safetensors") as second:  # sweeps what no living writer has
                second.write_text("second")
    finally:
        os.umask(before)
    assert (tmp_path / "out.safetensors").read_text() == "second"
    assert stat.S_IMODE((tmp_path / "out.safetensors").stat().st_mode) == 0o640


def test_a_second_name_leaves_a_file_as_readable_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("x")
    (tmp_path / "first").chmod(0o604)
    link(tmp_path / "first", tmp_path / "second")
    assert stat.S_IMODE((tmp_path / "first").stat().st_mode) == 0o604


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with atomic_path(target) as first:
        with atomic_path(target) as second:
            assert first != second
            second.write_text("second")
        first.write_text("first")
    assert target.read_text() == "first"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=json_values)
def test_json_returns(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_json_is_for_people_too(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": "Drücken", "a": 1})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n  "b": "Drücken",\n  "a": 1\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": [float("-inf")]}])
def test_json_refuses_what_json_has_not(tmp_path: Path, value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", value)
    assert list(tmp_path.iterdir()) == []


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")  # digest from FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
