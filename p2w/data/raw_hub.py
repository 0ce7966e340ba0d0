"""One pinned file of a Hub dataset."""

from pathlib import Path

from p2w.config.tasks import HubFiles
from p2w.data.hub.file import HubFile, fetch


def hub_file(hub: HubFiles, split: str) -> Path:
    """Path of a split's file in the Hub client's cache, downloaded if it is not there (`fetch`)."""
    return fetch(HubFile("dataset", hub.dataset, hub.revision, hub.files[split], hub.sha256.get(split)))
