"""The files of a dataset on the Hub at a pinned revision, each checked byte by byte."""

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from datasets import Features
from huggingface_hub import constants, get_cached_repo_tree, snapshot_download
from huggingface_hub.errors import CachedRepoTreeNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import disable_progress_bars

from p2w.config.locations import HubDataset
from p2w.data.hub.calls import from_hub
from p2w.data.hub.file import HubFile, fetch, listing
from p2w.data.layout import CARDS, split_files


def hub_split(hub: HubDataset, split: str) -> tuple[dict[str, Path], Features | None]:
    """Name and path in the Hub client's cache of each file of a split, and what the card says about their columns.

    Raises DownloadError: a file that cannot be had. Raises ValueError: no such config or split, or a file whose hash is
    not the expected one.
    """
    if hub.files:
        names, features = [hub.files[split]], None
    else:
        names, features = _resolve(hub, split)
    pinned = hub.sha256.get(split)
    if pinned and len(names) > 1:
        raise ValueError(f"sha256.{split}: found {len(names)} files ({', '.join(names)}), expected one")
    return {name: fetch(_file(hub, name, pinned)) for name in names}, features


def _file(hub: HubDataset, name: str, pinned: str | None = None) -> HubFile:
    return HubFile("dataset", hub.dataset, hub.revision, name, pinned)


def _resolve(hub: HubDataset, split: str) -> tuple[list[str], Features | None]:
    """The files of a split by the dataset's card and the names of its files, of which nothing else is needed."""
    what = f"dataset {hub.dataset}, revision {hub.revision}"
    names = from_hub(what, lambda: _names(hub))
    with TemporaryDirectory() as folder:
        for name in names:
            scratch = Path(folder, name)
            scratch.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(fetch(_file(hub, name)).read_bytes() if name in CARDS else b"")
        try:
            return split_files(Path(folder), hub.config, split)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from error


def _names(hub: HubDataset) -> list[str]:
    """Names of the dataset's files: what belongs to a revision is kept in the client's cache, so it is asked once."""
    where = {"repo_id": hub.dataset, "repo_type": "dataset", "revision": hub.revision}
    try:
        tree = get_cached_repo_tree(**where)
    except CachedRepoTreeNotFoundError:
        if constants.is_offline_mode():
            raise OfflineModeIsEnabled("") from None
        listing("dataset", hub.dataset, hub.revision)
        disable_progress_bars("huggingface_hub.snapshot_download")  # of a card and a list
        snapshot_download(**where, allow_patterns=list(CARDS))
        tree = get_cached_repo_tree(**where)
    names = [file.path for file in tree]
    return [name for name in names if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts]
