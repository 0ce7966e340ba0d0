"""One pinned file of a Hub dataset, downloaded by the Hub's own client and checked."""

import re
from pathlib import Path

from huggingface_hub import constants, hf_hub_download

from p2w.files import sha256
from p2w.hub import from_hub
from p2w.tasks import HubFiles


def hub_file(hub: HubFiles, split: str) -> Path:
    """Path of a split's file in the client's cache, downloaded if it is not there.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the client. A file whose bytes are not the
    expected ones is downloaded once more before it is refused.

    Raises:
        DownloadError: the file cannot be had; names dataset, revision, file and reason.
        ValueError: its sha256 is not the pinned one; names found and expected.
    """
    path = _download(hub, split)
    expected = hub.sha256.get(split) or _sha256_in_cache(path)
    if expected is None or sha256(path) == expected:
        return path
    if not constants.is_offline_mode():
        path = _download(hub, split, force=True)
    found = sha256(path)
    if found != expected:
        raise ValueError(f"{_name(hub, split)}: found sha256 {found}, expected {expected}")
    return path


def _sha256_in_cache(path: Path) -> str | None:
    """The sha256 under which the client's cache stores a large file, as the Hub gave it."""
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def _download(hub: HubFiles, split: str, force: bool = False) -> Path:
    def attempt() -> Path:
        return Path(
            hf_hub_download(
                hub.dataset, hub.files[split], repo_type="dataset", revision=hub.revision, force_download=force
            )
        )

    return from_hub(_name(hub, split), attempt)


def _name(hub: HubFiles, split: str) -> str:
    return f"dataset {hub.dataset}, revision {hub.revision}, file {hub.files[split]}"
