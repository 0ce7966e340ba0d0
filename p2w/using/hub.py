"""Folders of P2W as repositories of the Hugging Face Hub."""

from collections.abc import Sequence
from pathlib import Path


def upload(folder: Path, files: Sequence[str], repo_id: str, private: bool, token: str | None) -> str:
    """Upload the files of a folder in one commit, to a repository that is made if there is none; the commit's address.

    Raises ValueError: not a name that the Hub takes. Errors of the Hub's client are its own.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    api = HfApi(token=token)
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo_id, folder_path=folder, allow_patterns=list(files)).commit_url)
    except HFValidationError as error:
        raise ValueError(f"{repo_id}: not a name for the Hub, expected owner/name ({error})") from error
