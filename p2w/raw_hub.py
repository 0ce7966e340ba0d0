"""One pinned file of a Hub dataset, downloaded by the Hub's own client and checked."""

import re
from pathlib import Path

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)

from p2w.files import sha256
from p2w.retry import Wait, retry
from p2w.tasks import HubFiles

TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
# What the client raises for a file it could not get; RuntimeError is hf_xet's.
FAILURES = (HTTPError, OSError, ValueError, RuntimeError)


class DownloadError(OSError):
    """A file that could not be had from the Hub."""


def hub_file(hub: HubFiles, split: str) -> Path:
    """Path of a split's file in the client's cache, downloaded if it is not there.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the client. A file whose bytes are not the
    expected ones is downloaded once more before it is refused.

    Raises:
        DownloadError: the file cannot be had; names dataset, revision, file and reason.
        ValueError: its sha256 is not the pinned one; names found and expected.
    """
    path = _download(hub, split)
    expected = hub.sha256.get(split) or _sha256_in_cache(path)
    if expected is None or sha256(path) == expected:
        return path
    if not constants.is_offline_mode():
        path = _download(hub, split, force=True)
    found = sha256(path)
    if found != expected:
        raise ValueError(f"{_name(hub, split)}: found sha256 {found}, expected {expected}")
    return path


def _sha256_in_cache(path: Path) -> str | None:
    """The sha256 under which the client's cache stores a large file, as the Hub gave it."""
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def _download(hub: HubFiles, split: str, force: bool = False) -> Path:
    def attempt() -> Path:
        return Path(
            hf_hub_download(
                hub.dataset, hub.files[split], repo_type="dataset", revision=hub.revision, force_download=force
            )
        )

    try:
        return retry(attempt, FAILURES, _wait)
    except FAILURES as error:
        # The client's own text may hold a signed address, so only the kind of failure is repeated.
        raise DownloadError(f"{_name(hub, split)}: {_reason(error)}") from error


def _name(hub: HubFiles, split: str) -> str:
    return f"dataset {hub.dataset}, revision {hub.revision}, file {hub.files[split]}"


def _causes(error: BaseException | None) -> list[BaseException]:
    """An error and what led to it: the client wraps what went wrong in errors about its cache."""
    return [] if error is None else [error, *_causes(error.__cause__)]


def _response_error(error: BaseException) -> HfHubHTTPError | None:
    return next((cause for cause in _causes(error) if isinstance(cause, HfHubHTTPError)), None)


def _wait(error: BaseException) -> Wait:
    """Whether another attempt may help, and how long the Hub asks to wait for it."""
    answered = _response_error(error)
    if answered is not None:
        asked = answered.response.headers.get("retry-after", "")
        return Wait(answered.response.status_code in TRANSIENT, float(asked) if asked.isdigit() else 0.0)
    return Wait(any(_is_connection_error(cause) for cause in _causes(error)))


def _is_connection_error(error: BaseException) -> bool:
    kinds = (HTTPError, ConnectionError, TimeoutError, RuntimeError)
    return isinstance(error, kinds) and not isinstance(error, OfflineModeIsEnabled)


def _reason(error: BaseException) -> str:
    causes = _causes(error)
    answered = _response_error(error)
    if answered is None:
        if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
            return "not in the cache, and HF_HUB_OFFLINE forbids a download"
        cause = next(filter(_is_connection_error, causes), causes[-1])
        return f"{type(cause).__name__}: {_without_addresses(str(cause))}"
    status = answered.response.status_code
    if isinstance(answered, RevisionNotFoundError):
        return f"no such revision (HTTP {status})"
    if isinstance(answered, RemoteEntryNotFoundError):
        return f"no such file (HTTP {status})"
    if status in (401, 403, 404):
        return f"no such dataset, or it needs a token: set HF_TOKEN (HTTP {status})"
    return f"the Hub answered HTTP {status}"


def _without_addresses(text: str) -> str:
    return re.sub(r"https?://\S+", "(address)", text)
