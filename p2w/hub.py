"""Calls of the Hub's own client: tried again while that may help, and failing in one clear line."""

import re
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)

from p2w.retry import Wait, retry

T = TypeVar("T")

TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
# What the client raises for a file it could not get; RuntimeError is hf_xet's.
FAILURES = (HTTPError, OSError, ValueError, RuntimeError)


class DownloadError(OSError):
    """Something that could not be had from the Hub."""


def from_hub(what: str, call: Callable[[], T]) -> T:
    """Result of a call of the client.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the client.

    Raises:
        DownloadError: `what` cannot be had; names it and the reason.
    """
    try:
        return retry(call, FAILURES, _wait)
    except FAILURES as error:
        # The client's own text may hold a signed address, so only the kind of failure is repeated.
        raise DownloadError(f"{what}: {_reason(error)}") from error


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
        return f"no such repository, or it needs a token: set HF_TOKEN (HTTP {status})"
    return f"the Hub answered HTTP {status}"


def _without_addresses(text: str) -> str:
    return re.sub(r"https?://\S+", "(address)", text)
