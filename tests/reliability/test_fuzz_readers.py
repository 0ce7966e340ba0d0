"""Whatever bytes a reader is given, it returns what was written or a ValueError (OSError) that names the file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from p2w.adapters.checkpoints import CheckpointFiles, read_checkpoints
from p2w.adapters.epoch_files import read_snapshot_header, read_snapshots
from p2w.adapters.foreign_checkpoints import read_foreign_adapter
from p2w.adapters.peft_folder import read_adapter
from p2w.config.yaml_files import read_yaml
from p2w.data.questions import read_questions
from p2w.data.samples import read_samples
from p2w.data.tables import read_files
from p2w.generators.centroids import read_centroids
from p2w.generators.generator_file import load_generator
from p2w.prompts.states import read_embeddings
from p2w.report.evaluations import read_evaluation
from p2w.runtime.files import read_json
from p2w.runtime.seals import read_record
from p2w.runtime.tables import read_metadata, read_table
from p2w.runtime.tensor_files import read_foreign_tensors, read_tensors
from tests.support.anything import anything
from tests.support.right_commands import ROWS, World

Reader = Callable[[Path], Any]


def in_folder(read: Reader) -> Reader:
    return lambda path: read(path.parent)


# Each kind of artifact and what reads it whole; nothing but the bytes that were written may come back.
OURS: dict[str, Reader] = {
    "raw.parquet": read_table,
    "samples.parquet": read_samples,
    "boolq.parquet": read_checkpoints,
    "boolq.embeddings.parquet": read_embeddings,
    "evaluation.predictions.parquet": read_table,
    "boolq/epoch_1/snapshots.safetensors": in_folder(read_snapshots),
    "boolq/epoch_1/training_state.safetensors": read_tensors,
    "boolq/epoch_1/adapter_model.safetensors": in_folder(read_adapter),
    "boolq/epoch_1/adapter_config.json": in_folder(read_adapter),
    "boolq/epoch_1/run.json": in_folder(read_adapter),
    "boolq.centroid.safetensors": lambda path: read_centroids((), [path]),
    "decoder/decoder.safetensors": load_generator,
    "decoder/run.json": read_record,
    "evaluation.json": read_evaluation,
}
# What is said of a file without reading all of it.
HEADS: dict[str, Reader] = {
    "samples.parquet": read_metadata,
    "boolq.parquet": lambda path: CheckpointFiles([path]),
    "boolq/epoch_1/snapshots.safetensors": in_folder(read_snapshot_header),
}


@pytest.fixture(scope="module")
def shop(pristine: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the world for this module."""
    return Path(shutil.copytree(pristine.folder.with_name("copy"), tmp_path_factory.mktemp("fuzz") / "shop"))


def refused(read: Reader, path: Path) -> bool:
    """Whether `read` says no, as it should: by a ValueError or OSError that names the file or its folder."""
    try:
        read(path)
    except (ValueError, OSError) as error:
        said = error
    else:
        return False
    assert not isinstance(said, UnicodeError), said
    assert str(path.parent) in str(said), f"{path} is not named: {said}"
    return True


def with_bytes(path: Path, content: bytes, read: Reader) -> bool:
    """`refused` for a file with other bytes, which it has only meanwhile."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        return refused(read, path)
    finally:
        path.write_bytes(before)


def flipped(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


@pytest.mark.parametrize("name", OURS)
def test_one_flipped_bit_anywhere_is_noticed(name: str, shop: Path, thorough: bool) -> None:
    content, rng = (shop / name).read_bytes(), Random(name)
    assert not refused(OURS[name], shop / name)
    places = range(len(content)) if thorough else sorted(rng.sample(range(len(content)), min(len(content), 250)))
    for place in places:
        bit = 1 << rng.randrange(8)
        assert with_bytes(shop / name, flipped(content, place, bit), OURS[name]), f"byte {place}, bit {bit}"


@pytest.mark.parametrize("name", HEADS)
def test_a_flipped_bit_in_what_is_said_of_a_file_is_noticed_without_its_body(name: str, shop: Path) -> None:
    content = (shop / name).read_bytes()
    head = range(len(content) - 400, len(content)) if name.endswith("parquet") else range(400)
    for place in head:
        assert with_bytes(shop / name, flipped(content, place, 1), HEADS[name]), place


@pytest.mark.parametrize("name", OURS)
def test_any_part_of_a_file_or_more_than_all_of_it_is_noticed(name: str, shop: Path) -> None:
    content, rng = (shop / name).read_bytes(), Random(name)
    lengths = [0, 1, 4, 7, 8, 9, 12, len(content) - 1, *(rng.randrange(len(content)) for _ in range(40))]
    changed = [content[:length] for length in lengths] + [content[length:] for length in lengths if length]
    half = len(content) // 2
    changed += [content + b"\0", content + content, content[:half] + bytes(len(content) - half)]
    for damaged in changed:
        assert damaged.strip() == content.strip() or with_bytes(shop / name, damaged, OURS[name]), len(damaged)


@pytest.mark.parametrize("name", OURS)
def test_an_artifact_in_the_place_of_another_is_noticed(name: str, shop: Path) -> None:
    generic = {read_table, read_tensors, read_record}
    for other in OURS:
        same_kind = OURS[name] in generic and Path(other).suffix == Path(name).suffix
        if other != name and not same_kind:
            assert with_bytes(shop / name, (shop / other).read_bytes(), OURS[name]), other


@pytest.mark.parametrize("name", OURS)
def test_random_bytes_are_refused(name: str, shop: Path) -> None:
    starts = [b"", b"PAR1", (40).to_bytes(8, "little"), (2**62).to_bytes(8, "little"), b"{", b'{"__metadata__"']

    ends = [b"", b"PAR1", b"\xff\xff\xff\xffPAR1", b"}"]

    @given(st.sampled_from(starts), st.binary(max_size=200), st.sampled_from(ends))
    @settings(max_examples=40, database=None)
    def check(start: bytes, content: bytes, end: bytes) -> None:
        assert with_bytes(shop / name, start + content + end, OURS[name])

    check()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of other programs, which carry no hash."""
    folder = tmp_path_factory.mktemp("foreign")
    tensors = {f"m.q_proj.lora_{half}.weight": torch.ones(2, 2) for half in "AB"}
    torch.save(tensors, folder / "a.pt")
    torch.save(tensors, folder / "b.bin", _use_new_zipfile_serialization=False)
    save_file(tensors, folder / "c.safetensors", {"format": "pt"})
    table = pa.Table.from_pylist([{**row, "list": [row["left"]], "number": 0.5} for row in ROWS])
    pq.write_table(table, folder / "d.parquet", compression="snappy")
    pq.write_table(table, folder / "e.parquet", compression="none", write_page_checksum=True)
    (folder / "f.json").write_text('[{"question": "é?", "choices": ["a", "b"], "answer": 1}]')
    (folder / "g.yaml").write_text("a: {b: [1, 2.5, yes], c: 'text'}\nd: |\n  more\n")
    return folder


FOREIGN: dict[str, Reader] = {
    "a.pt": read_foreign_adapter,
    "b.bin": read_foreign_adapter,
    "c.safetensors": read_foreign_tensors,
    "d.parquet": lambda path: read_files([path]).to_pylist(),
    "e.parquet": lambda path: read_files([path]).to_pylist(),
    "f.json": read_questions,
    "g.yaml": read_yaml,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_broken_files_of_others_are_read_or_refused_but_never_a_surprise(
    name: str, foreign: Path, thorough: bool
) -> None:
    content, rng = (foreign / name).read_bytes(), Random(name)
    assert not refused(FOREIGN[name], foreign / name)
    for _ in range(3000 if thorough else 150):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        length = rng.choice((len(damaged), len(damaged), rng.randrange(len(damaged))))
        with_bytes(foreign / name, bytes(damaged[:length]), FOREIGN[name])


@pytest.mark.parametrize("name", FOREIGN)
def test_random_bytes_of_others(name: str, foreign: Path) -> None:
    @given(st.binary(max_size=300))
    @settings(max_examples=60, database=None)
    def check(content: bytes) -> None:
        with_bytes(foreign / name, content, FOREIGN[name])

    check()


@given(value=anything)
@settings(max_examples=150, database=None)
def test_random_json_is_no_record_and_perhaps_samples(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    path.write_text(json.dumps(value))
    read_json(path)
    assert refused(read_record, path)
    refused(read_questions, path)
