"""A model from the Hub (a real one, on this machine): its snapshot in the client's cache and a manifest."""

import pytest
from huggingface_hub import constants

from p2w.data.hub.calls import DownloadError
from p2w.data.hub.models import download_model
from p2w.runtime.files import read_json, sha256
from tests.support.hub_server import serving

REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": "{}", "model.safetensors": "weights", "onnx/model.onnx": "the same, for another framework"}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "hub/owner/model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with serving(tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield server


@pytest.mark.usefixtures("hub")
def test_manifest_lists_what_was_downloaded(tmp_path):
    download_model("owner/model", REVISION, tmp_path / "model.json")
    manifest = read_json(tmp_path / "model.json")
    assert manifest.pop("provenance")["config"] == {"hub": "owner/model", "revision": REVISION}
    source = tmp_path / "hub/owner/model"
    assert manifest == {
        "hub": "owner/model",
        "revision": REVISION,
        "files": {name: sha256(source / name) for name in ("config.json", "model.safetensors")},
    }


@pytest.mark.usefixtures("hub")
def test_a_model_that_does_not_exist(tmp_path):
    with pytest.raises(DownloadError, match=f"model owner/other, revision {REVISION}: no such repository"):
        download_model("owner/other", REVISION, tmp_path / "model.json")
    assert not (tmp_path / "model.json").exists()
