"""One file of a Hub repository at a pinned revision, downloaded by the Hub's own client and checked byte by byte.

What the client checks is the size. Here every file is compared with a hash too: the sha256 that the task table pins, or
the name under which the client's cache keeps the file. That name is what the Hub called it (the ETag): the sha256 of a
large file, git's blob id of a small one.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HTTPError

from p2w.data.hub.calls import NOT_A_HUB, WrongAnswerError, from_hub
from p2w.runtime.files import sha256

HASH = re.compile("[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True)
class HubFile:
    """Which file: `revision` is a commit; `sha256`, where it is pinned, stands above the hash that the Hub gives."""

    kind: Literal["dataset", "model"]
    repo: str
    revision: str
    file: str
    sha256: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.repo}, revision {self.revision}, file {self.file}"


def fetch(wanted: HubFile) -> Path:
    """Path of the file in the client's cache, downloaded if it is not there.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the client. A file whose bytes are not the
    expected ones is taken out of the cache and downloaded once more before it is refused. Raises DownloadError: the
    file cannot be had; names repository, revision, file and reason. Raises ValueError: its hash is not the expected
    one; names found and expected.
    """
    for _ in range(2):
        path = _download(wanted)
        fault = check(path, wanted.sha256)
        if fault is None:
            return path
        if constants.is_offline_mode():
            break
        _discard(path)
    raise ValueError(f"{wanted}: {fault}")


def listing(kind: str, repo: str, revision: str) -> list[str]:
    """Names of a repository's files, sorted; WrongAnswerError unless it is the Hub that answers, for the revision.

    It fails at once where the client's download alone would try for minutes.
    """
    try:
        found = HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        names = sorted(file.rfilename for file in found.siblings or [])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, HTTPError):
            raise
        raise WrongAnswerError(f"found no list of files ({type(error).__name__}); {NOT_A_HUB}") from error
    if found.sha != revision or not names:
        raise WrongAnswerError(f"found {len(names)} files of revision {found.sha}, expected the pinned one")
    return names


def check(path: Path, pinned: str | None = None) -> str | None:
    """What is wrong with the bytes of a file in the client's cache; None if nothing is."""
    expected = pinned or (path.readlink().name if path.is_symlink() else "")
    if not HASH.fullmatch(expected):
        return "the cache holds no hash to check it by; keep its links (HF_HUB_DISABLE_SYMLINKS=0, rsync -a)"
    kind, found = ("sha256", sha256(path)) if len(expected) == 64 else ("git blob id", git_blob_id(path))
    return None if found == expected else f"found {kind} {found}, expected {expected}"


def git_blob_id(path: Path) -> str:
    """What git calls a file of these bytes, and the Hub a small file."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _download(wanted: HubFile) -> Path:
    where = {"repo_type": wanted.kind, "revision": wanted.revision}

    def attempt() -> Path:
        cached = isinstance(try_to_load_from_cache(wanted.repo, wanted.file, **where), str)
        if not cached and not constants.is_offline_mode():
            _ask(wanted)
        return Path(hf_hub_download(wanted.repo, wanted.file, **where))

    return from_hub(str(wanted), attempt)


def _ask(wanted: HubFile) -> None:
    """One question about the file before anything is downloaded.

    It fails at once where the client alone would try for minutes, and it must be answered for the pinned revision.
    """
    url = hf_hub_url(wanted.repo, wanted.file, repo_type=wanted.kind, revision=wanted.revision)
    said = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    if said.commit_hash != wanted.revision:
        raise WrongAnswerError(f"found an answer for revision {said.commit_hash}, expected the pinned one; {NOT_A_HUB}")
    if not wanted.sha256 and not HASH.fullmatch(said.etag or ""):
        raise WrongAnswerError(f"found ETag {said.etag!r}, expected the hash of the file; {NOT_A_HUB}")


def _discard(path: Path) -> None:
    """Take a file out of the client's cache, link by link, so that nobody else reads it either."""
    while path.is_symlink():
        target = path.parent / path.readlink()
        path.unlink()
        path = target
    path.unlink(missing_ok=True)
