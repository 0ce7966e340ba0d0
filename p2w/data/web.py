"""One file from the web by its address."""

from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import get_session

from p2w.config.places import without_secrets
from p2w.data.hub.calls import WrongAnswerError, from_hub
from p2w.data.hub.file import check

PAGES = (b"<!doctype html", b"<html")  # how an answer begins that is no file of rows, whatever its status says


def download(address: str, folder: Path, pinned: str | None = None) -> Path:
    """Path of the file in `folder`, whole; asked for without a token, and again as calls of the Hub are.

    Raises DownloadError: the file cannot be had; names the address and the reason. Raises ValueError: twice its sha256
    is not the pinned one.
    """
    path = folder / PurePosixPath(unquote(urlsplit(address).path)).name
    what, fault = f"file {without_secrets(address)}", None
    for _ in range(2):
        from_hub(what, lambda: _get(address, path), lambda said: f"the answer is HTTP {said.response.status_code}")
        fault = check(path, pinned) if pinned else None
        if fault is None:
            return path
    raise ValueError(f"{what}: {fault}")


def _get(address: str, scratch: Path) -> None:
    with get_session().stream("GET", address, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
        if answer.is_error:
            raise HfHubHTTPError("", response=answer)
        with open(scratch, "wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
    with open(scratch, "rb") as file:
        beginning = file.read(500)
    if beginning.lstrip().lower().startswith(PAGES):
        raise WrongAnswerError("found a web page, expected the file: does it need a login, or a proxy?")
