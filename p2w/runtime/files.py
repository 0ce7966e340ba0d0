"""Files that appear whole: written under a temporary name, synced, renamed."""

import errno
import fcntl
import glob
import hashlib
import json
import os
import secrets
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple


class DamagedFileError(ValueError):
    """A file that is not as P2W wrote it; says how it is made again, for the path of a file is Snakemake's target."""

    def __init__(self, path: str | Path, reason: str, target: str | Path | None = None, ours: bool = True) -> None:
        self.path, self.reason = path, reason
        name, owner = shlex.quote(str(target or path)), "" if ours else "if P2W made it, "
        super().__init__(f"{path}: {reason}; {owner}make it again: rm {name} && snakemake {name} --cores 1")


class Written(NamedTuple):
    """A file that is on the disk under its temporary name, and the handle that holds its lock."""

    path: Path
    temporary: Path
    handle: int

    def drop(self) -> None:
        """Remove the temporary file, if it still has that name."""
        self.temporary.unlink(missing_ok=True)
        os.close(self.handle)


# Files that wait for the end of a block of `transaction`.
_waiting: ContextVar[list[Written] | None] = ContextVar("_waiting", default=None)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success sync and rename it, on failure remove it.

    What a killed writer left of the same file is removed; a living one holds a lock on its own. Raises OSError: it
    cannot be written, for example because the disk is full; names `path`.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with _names(path, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        written = _locked_file(path)
    try:
        with _names(path, written.temporary):
            yield written.temporary
            written = _adopted(written)
            _sync(written.temporary)
    except BaseException:
        written.drop()
        raise
    waiting = _waiting.get()
    _appear([written]) if waiting is None else waiting.append(written)


@contextmanager
def transaction() -> Iterator[None]:
    """Files that are written in this block appear at its end, in the order of writing, or none of them does."""
    if _waiting.get() is not None:
        yield
        return
    files: list[Written] = []
    token = _waiting.set(files)
    try:
        yield
    except BaseException:
        for written in files:
            written.drop()
        raise
    finally:
        _waiting.reset(token)
    _appear(files)


def _appear(files: Sequence[Written]) -> None:
    """Give files their names; they are whole and on the disk."""
    try:
        for written in files:
            with _names(written.path, written.temporary):
                os.replace(written.temporary, written.path)
                _sync(written.path.parent)
    finally:
        for written in files:
            written.drop()


@contextmanager
def _names(path: Path, *others: Path) -> Iterator[None]:
    """Errors of the operating system that name nothing, or one of `others`, name `path`."""
    try:
        yield
    except OSError as error:
        named = error.filename is not None and Path(os.fsdecode(error.filename)) not in others
        if error.errno is None or (named and error.filename2 is None and not _is_part_of(error.filename, path)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def _is_part_of(name: Any, path: Path) -> bool:
    """Whether it is a temporary file of `path`."""
    return Path(os.fsdecode(name)).match(f"{glob.escape(_pattern(path)[0])}*{_pattern(path)[1]}")


def _pattern(path: Path) -> tuple[str, str]:
    return f".{path.name}.", ".part"


def _locked_file(path: Path) -> Written:
    """A new, locked file beside `path`."""
    prefix, suffix = _pattern(path)
    while True:
        temporary = path.with_name(f"{prefix}{secrets.token_hex(4)}{suffix}")
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # some network file systems have no locks; there nothing is swept either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if temporary.exists():
            return Written(path, temporary, handle)
        os.close(handle)  # swept between its creation and its lock


def _adopted(written: Written) -> Written:
    """The same where a library has put another file under the temporary name, as safetensors does, readable by its
    owner alone: locked, and as readable as the first. A second name of a file that there is stays as it is."""
    made, found = os.fstat(written.handle), os.stat(written.temporary)
    if (made.st_dev, made.st_ino) == (found.st_dev, found.st_ino) or found.st_nlink > 1:
        return written
    handle = os.open(written.temporary, os.O_RDWR)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    os.fchmod(handle, made.st_mode)
    os.close(written.handle)
    return written._replace(handle=handle)


def _sweep(path: Path) -> None:
    """Remove the temporary files of `path` that no living writer has locked."""
    prefix, suffix = _pattern(path)
    for old in sorted(path.parent.glob(f"{glob.escape(prefix)}*{suffix}")):
        with suppress(OSError), open(old, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            old.unlink()


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):  # not every system syncs folders
            raise
    finally:
        os.close(handle)


def link(path: Path, target: Path) -> None:
    """Give a file a second name, or make a copy where the file system has no links."""
    with atomic_path(target) as temporary:
        temporary.unlink()
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data`; the file appears whole."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8; the file appears whole."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON in its own key order; NaN and infinity are refused (ValueError)."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """What `write_json` writes."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: str | Path) -> Any:
    """Read a JSON file; ValueError names the file when it is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from error


def sha256(path: str | Path) -> str:
    """Hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
