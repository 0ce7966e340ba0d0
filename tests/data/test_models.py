"""A model from the Hub (a real one, on this machine): its snapshot in the client's cache and a manifest."""

from pathlib import Path

import pytest

from p2w.data.hub.calls import DownloadError
from p2w.data.hub.models import download_model
from p2w.runtime.files import read_json, sha256
from tests.support.network_cases import REVISION

FILES = {"config.json": "{}", "model.safetensors": "weights", "onnx/model.onnx": "the same, for another framework"}


@pytest.mark.usefixtures("hub")
def test_manifest_lists_what_was_downloaded(root: Path, tmp_path: Path) -> None:
    source = root / "owner/model"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    download_model("owner/model", REVISION, tmp_path / "model.json")
    manifest = read_json(tmp_path / "model.json")
    assert manifest.pop("provenance")["config"] == {"hub": "owner/model", "revision": REVISION}
    files = {name: sha256(source / name) for name in ("config.json", "model.safetensors")}
    assert manifest == {"hub": "owner/model", "revision": REVISION, "files": files}


@pytest.mark.usefixtures("hub")
def test_a_model_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"model owner/other, revision {REVISION}: no such repository"):
        download_model("owner/other", REVISION, tmp_path / "model.json")
    assert not (tmp_path / "model.json").exists()
