"""One pinned file of a Hub dataset."""

from pathlib import Path

from p2w.hub.file import HubFile, fetch
from p2w.tasks import HubFiles


def hub_file(hub: HubFiles, split: str) -> Path:
    """Path of a split's file in the Hub client's cache, downloaded if it is not there; see `p2w.hub.file.fetch`."""
    return fetch(HubFile("dataset", hub.dataset, hub.revision, hub.files[split], hub.sha256.get(split)))
