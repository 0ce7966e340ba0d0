"""Generators and adapters on the Hub: one on this machine, and a client that only takes down what it is told."""

import shutil
from types import SimpleNamespace

import pytest

from p2w.data.hub.calls import DownloadError
from p2w.using.adapter import Adapter
from p2w.using.generator_folder import FILES, find_generator
from tests.support.generator_folders import opened
from tests.support.hub_server import point_client, serving


@pytest.fixture
def root(tmp_path):
    return tmp_path / "hub"


@pytest.fixture
def hub(root, tmp_path, monkeypatch):
    """A Hub that serves `root`, and the client pointed at it with an empty cache."""
    root.mkdir()
    with serving(root) as server:
        point_client(monkeypatch, server.url, tmp_path / "cache")
        yield server


@pytest.fixture
def uploads(monkeypatch):
    """What is sent: repository, whether it is private, names of files."""
    sent = []

    class Api:
        def __init__(self, token):
            self.token = token

        def create_repo(self, repo_id, private, exist_ok):
            sent.append((repo_id, private, exist_ok, self.token))

        def upload_folder(self, repo_id, folder_path, allow_patterns):
            sent.append((repo_id, {path.name for path in folder_path.iterdir()} & set(allow_patterns)))
            return SimpleNamespace(commit_url="https://hub/commit/1")

    monkeypatch.setattr("p2w.using.hub.HfApi", Api)
    return sent


@pytest.mark.usefixtures("hub")
def test_a_generator_comes_by_its_name(root, generator_folder):
    shutil.copytree(generator_folder, root / "owner/generator")
    (root / "owner/generator/other.bin").write_text("not asked for")
    folder = find_generator("owner/generator")
    assert {path.name for path in folder.iterdir()} == set(FILES)
    assert opened(folder).tasks.names == opened(generator_folder).tasks.names


@pytest.mark.usefixtures("hub")
def test_a_name_that_the_hub_does_not_have():
    with pytest.raises(DownloadError, match=r"owner/other: no such repository, or it needs a token"):
        find_generator("owner/other")


def test_a_generator_and_an_adapter_are_sent_whole_and_private_unless_told(uploads, generator_folder, generated):
    assert opened(generator_folder).push_to_hub("owner/generator") == "https://hub/commit/1"
    Adapter.from_pretrained(generated).push_to_hub("owner/mine", private=False, token="secret")
    assert uploads == [
        ("owner/generator", True, True, None),
        ("owner/generator", set(FILES)),
        ("owner/mine", False, True, "secret"),
        ("owner/mine", {"adapter_config.json", "adapter_model.safetensors", "run.json", "README.md"}),
    ]


def test_a_name_that_is_none(uploads, generated):
    with pytest.raises(ValueError, match="my adapter: no name for the Hub; expected owner/name"):
        Adapter.from_pretrained(generated).push_to_hub("my adapter")
    assert uploads == []
