"""Folders of P2W as repositories of the Hugging Face Hub."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from p2w.data.hub.calls import from_hub


def download(repo_id: str, files: Sequence[str], revision: str | None) -> Path:
    """Folder with the files of a repository, in the cache of the Hub's client.

    Raises ValueError: not a name that the Hub takes. Raises DownloadError: it cannot be had; says why.
    """
    _check(repo_id, "no such folder, and no name for the Hub; expected a folder, or owner/name")
    patterns = list(files)
    return Path(from_hub(repo_id, lambda: snapshot_download(repo_id, revision=revision, allow_patterns=patterns)))


def upload(folder: Path, files: Sequence[str], repo_id: str, private: bool, token: str | None) -> str:
    """Upload the files of a folder in one commit, to a repository that is made if there is none; the commit's address.

    Raises ValueError: not a name that the Hub takes. Raises DownloadError: the Hub refuses; says why.
    """
    _check(repo_id, "no name for the Hub; expected owner/name")
    api = HfApi(token=token)

    def push() -> str:
        api.create_repo(repo_id, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo_id, folder_path=folder, allow_patterns=list(files)).commit_url)

    return from_hub(repo_id, push)


def _check(repo_id: str, otherwise: str) -> None:
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        raise ValueError(f"{repo_id}: {otherwise}") from None
