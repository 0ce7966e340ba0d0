"""Files appear whole or not at all: on a full disk, in a folder that cannot be written to, after a kill."""

import ast
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2w.runtime.cli import run
from p2w.runtime.files import atomic_path, read_json, transaction, write_text
from p2w.runtime.seals import SEAL
from tests.support.bad_world import argv, contents, script
from tests.support.right_commands import ROOT, World

# Commands that write, with how they are told where to.
WRITERS = ("raw", "samples", "finetune", "multi_task", "checkpoints", "import_checkpoints", "embeddings", "centroid",
           "decoder", "generator", "generate", "prompt_controls", "constant", "control", "evaluate", "summary",
           "card")  # fmt: skip
OUTPUTS = ("--output", "--predictions", "--csv", "--markdown", "--html")

# What writes a file, and where it may: inside a block of atomic_path, or into a folder that is thrown away.
WRITING = {"write_text", "write_bytes", "to_csv", "to_parquet", "savefig", "save_file", "save", "save_pretrained",
           "ParquetWriter", "dump"}  # fmt: skip


def unguarded(path: Path) -> Iterator[str]:
    """Calls in a source file that write to a path of their own, not to the one that `atomic_path` gives."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            text = ast.unparse(node)
            opened = name == "open" and re.search(r"""['"][wax]b?\+?['"]""", text)
            if (name in WRITING or opened) and not re.search(r"\b(temporary|scratch|sink)\b", text):
                yield text


def test_every_writer_goes_through_a_temporary_name() -> None:
    ours = {"write_text(", "write_bytes("}  # the functions of p2w.runtime.files, which do
    in_memory = {"save(whole, {'format': 'pt'})", "table.to_csv(index=False, float_format='%.6g')"}
    adapters = {  # p2w.Adapter's, which does
        *("adapter.save_pretrained(args.output)", "self.save_pretrained(folder)"),
        *("replace(adapter, record=record).save_pretrained(output.parent)", "adapter.save_pretrained(places[name])"),
        "adapter.save_pretrained(folder / name)",
    }
    growing = {"open(path, 'w' if first else 'a', encoding='utf-8', buffering=1)"}  # the log
    found = [
        f"{path.relative_to(ROOT)}: {call}"
        for folder in ("p2w", "workflow/scripts")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name != "confined.py"  # what it writes is in a root in memory
        for call in unguarded(path)
        if not call.startswith(tuple(ours)) and call not in in_memory | adapters | growing
    ]
    found = [call for call in found if "to_csv(index=False" not in call and "save_pretrained(folder, " not in call]
    assert found == []


def outputs_elsewhere(world: World, name: str, folder: Path) -> list[str]:
    """A right command line of `name` whose outputs all lie below `folder`."""
    arguments = world.command(name)
    for option in OUTPUTS if name != "card" else OUTPUTS[:1]:  # a card reads predictions
        if option in arguments:
            old = Path(arguments[option][0])
            arguments[option] = [str(folder / old.relative_to(world.folder))]
    return argv(arguments)


def fails_in_one_line(name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run(script(name).main, arguments)
    err = capsys.readouterr().err
    assert caught.value.code == 1
    line = err.strip().splitlines()[-1]
    assert line.startswith("error: "), err
    assert "Traceback" not in err
    return line


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[bool]:
    """A small file system in memory at `folder`; whether this machine lets us have one."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    found = shutil.which("mount") is not None
    given = found and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield given
    finally:
        if given:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """No file may become larger than `size`: writing fails inside every library, as on a full disk, root or not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("limit", [100, 1500])
def test_a_write_that_fails_changes_nothing(name: str, limit: int, world: World, capsys, tally) -> None:
    """The outputs exist already, from an earlier run; they, and all else, are as before."""
    tally("bad inputs")
    before = contents(world.folder)
    arguments = outputs_elsewhere(world, name, world.folder)
    with small_files(limit):
        line = fails_in_one_line(name, arguments, capsys)
    assert re.search(r"error: \S+: File too large; larger files are not allowed here", line)
    assert ".part" not in line, "it names the artifact, not its temporary file"
    assert contents(world.folder) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_named_and_left_empty(name: str, world: World, capsys, tmp_path, tally) -> None:
    tally("bad inputs")
    with mounted(tmp_path / "disk", "size=16k") as given:
        if not given:  # the test above does the same by a limit that needs no rights
            return
        (tmp_path / "disk/other").write_bytes(b"x" * 16 * 1024)
        arguments = outputs_elsewhere(world, name, tmp_path / "disk")
        line = fails_in_one_line(name, arguments, capsys)
        assert re.search(r"error: \S+: No space left on device; free some space and run again", line)
        assert list(contents(tmp_path / "disk")) == ["other"]


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder in which nothing can be made: a mount, permissions (which root does not have to heed), or /proc."""
    with mounted(folder, "ro") as given:
        if given or os.geteuid() != 0:
            folder.chmod(0o500) if not given else None
            yield folder
            folder.chmod(0o700) if not given else None
        else:
            yield Path("/proc")


@pytest.mark.parametrize("name", WRITERS)
def test_a_read_only_folder_is_named(name: str, world: World, capsys, tmp_path, tally) -> None:
    tally("bad inputs")
    with read_only(tmp_path / "locked") as folder:
        line = fails_in_one_line(name, outputs_elsewhere(world, name, folder), capsys)
        said = "No such file or directory" if folder == Path("/proc") else "(Read-only file system|Permission denied)"
        assert re.search(rf"error: {folder}/\S+: {said}; ", line)
    assert contents(tmp_path) == {}


def write_slowly(folder: Path) -> None:
    with transaction():
        write_text(folder / "one", "new")
        with atomic_path(folder / "two") as temporary:
            temporary.write_text("half")
            time.sleep(60)


def test_what_a_killed_writer_left_is_ignored_and_cleaned_up(tmp_path: Path) -> None:
    write_text(tmp_path / "one", "old")
    writer = multiprocessing.get_context("fork").Process(target=write_slowly, args=(tmp_path,))
    writer.start()
    while not any(path.name.startswith(".two") and path.read_text() for path in tmp_path.iterdir()):
        time.sleep(0.005)
    write_text(tmp_path / "two", "mine")
    assert len(list(tmp_path.glob(".two.*.part"))) == 1, "a living writer keeps its file"
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    assert len(list(tmp_path.glob(".*.part"))) == 2
    assert (tmp_path / "one").read_text() == "old"
    for name in ("one", "two"):
        write_text(tmp_path / name, "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def write_two_of_three(folder: Path) -> None:
    with transaction():
        write_text(folder / "a", "3")
        write_text(folder / "c", "4")
        write_text(folder / "b", str(1 / 0))


def test_files_that_belong_together_appear_together(tmp_path: Path) -> None:
    with transaction():
        write_text(tmp_path / "a", "1")
        with transaction():
            write_text(tmp_path / "b", "2")
        assert not (tmp_path / "a").exists()
        assert not (tmp_path / "b").exists()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1", "b": "2"}
    with pytest.raises(ZeroDivisionError):
        write_two_of_three(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1", "b": "2"}


def test_the_command_in_the_error_makes_the_file_again(world: World, capsys, monkeypatch, tmp_path) -> None:
    """The hint is two commands of a shell; here with a `snakemake` that only says what it was asked for."""
    stub = tmp_path / "snakemake"
    stub.write_text('#!/bin/sh\necho "$1" > "$1"\n')
    stub.chmod(0o755)
    samples = world / "samples.parquet"
    samples.write_bytes(samples.read_bytes()[:-1])
    line = fails_in_one_line("finetune", argv(world.command("finetune")), capsys)
    command = re.search("make it again: (.*)", line)[1]
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    subprocess.run(command, shell=True, check=True)
    assert samples.read_text() == f"{samples}\n"


def test_sealed_files_have_the_same_bytes_again(world: World) -> None:
    before = contents(world.folder)
    for name in ("samples", "finetune", "checkpoints", "decoder", "generate", "control", "evaluate"):
        script(name).main(argv(world.command(name)))
    assert contents(world.folder) == before
    assert SEAL in read_json(world / "draw_0/run.json")
