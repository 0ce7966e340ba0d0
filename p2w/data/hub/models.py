"""Models from the Hub: a pinned snapshot in the client's cache, and a manifest of what it holds."""

from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import constants, snapshot_download

from p2w.data.hub.calls import from_hub
from p2w.data.hub.file import HubFile, check, fetch, listing
from p2w.data.hub.model_formats import IGNORED
from p2w.runtime.files import sha256, write_json
from p2w.runtime.provenance import provenance


def download_model(hub: str, revision: str, output: Path) -> None:
    """Bring a model into the Hub client's cache, every file checked, and write the manifest of its files.

    Raises DownloadError: the model cannot be had; names it, the revision and the reason. Raises ValueError: a file's
    hash is not the one that the Hub gave; names found and expected.
    """
    what = f"model {hub}, revision {revision}"
    if not constants.is_offline_mode():
        for file in from_hub(what, lambda: listing("model", hub, revision)):
            if not any(fnmatch(file, pattern) for pattern in IGNORED):
                fetch(HubFile("model", hub, revision, file))
    # Everything is in the cache by now. The client notes what belongs to it, and offline compares the cache with that.
    folder = Path(from_hub(what, lambda: snapshot_download(hub, revision=revision, ignore_patterns=IGNORED)))
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        if fault := check(path):
            raise ValueError(f"{what}, file {path.relative_to(folder).as_posix()}: {fault}")
    hashes = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    record = provenance("model", {"hub": hub, "revision": revision})
    write_json(output, {"hub": hub, "revision": revision, "files": hashes, "provenance": record})
