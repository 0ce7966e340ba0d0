"""Calls of the Hub's own client: tried again while that may help, and failing in one clear line."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import logging

from p2w.data.hub.retry import Wait, retry

T = TypeVar("T")

TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
# By name, for which library they come from depends on the version of the client.
LASTING = {"TooManyRedirects", "UnsupportedProtocol"}
NO_CONNECTION = "ConnectError"
CONNECTION_ATTEMPTS = 3  # where nobody answers, more of them only keep the user waiting
NOT_A_HUB = "is it a Hub that answers (HF_ENDPOINT, a proxy)?"
# What the client raises for a file it could not get; RuntimeError is hf_xet's.
FAILURES = (HTTPError, OSError, ValueError, RuntimeError)


class DownloadError(OSError):
    """Something that could not be had from the Hub."""


class WrongAnswerError(ValueError):
    """An answer that is not what was asked for; asking again would not help."""


def from_hub(what: str, call: Callable[[], T], said: Callable[[HfHubHTTPError], str] | None = None) -> T:
    """Result of a call of the client; `said` words an answer that is an error.

    HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the client. Raises DownloadError: `what`
    cannot be had; names it and the reason.
    """
    if "HF_HUB_VERBOSITY" not in os.environ:
        logging.set_verbosity_error()  # its warnings hold addresses, which may be signed
    try:
        return retry(call, FAILURES, _wait)
    except FAILURES as error:
        # The client's own text may hold a signed address, so only the kind of failure is repeated.
        raise DownloadError(f"{what}: {_reason(error, said or _said)}") from error


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
        return Wait(answered.response.status_code in TRANSIENT, _seconds(asked))
    causes = _causes(error)
    attempts = CONNECTION_ATTEMPTS if NO_CONNECTION in map(_kind, causes) else None
    return Wait(any(_may_pass(cause) for cause in causes), attempts=attempts)


def _seconds(retry_after: str) -> float:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # not a date, or one without a time zone
        return 0.0


def _kind(error: BaseException) -> str:
    return type(error).__name__


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, OfflineModeIsEnabled) or _kind(error) in LASTING:
        return False
    # The client's check of a file's size raises a bare OSError.
    wrong_size = type(error) is OSError and error.errno is None
    return wrong_size or isinstance(error, HTTPError | ConnectionError | TimeoutError | RuntimeError)


def _reason(error: BaseException, said: Callable[[HfHubHTTPError], str]) -> str:
    causes = _causes(error)
    answered = _response_error(error)
    if answered is None:
        if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
            return "not in the cache, and HF_HUB_OFFLINE forbids a download"
        wrong = next((cause for cause in causes if isinstance(cause, WrongAnswerError)), None)
        cause = wrong or next(filter(_may_pass, causes), causes[-1])
        return str(cause) if wrong else f"{_kind(cause)}: {_without_addresses(str(cause))}"
    return said(answered)


def _said(answered: HfHubHTTPError) -> str:
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
