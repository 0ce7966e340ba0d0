"""Faults on the way from a Hub, those that pass and those that last, each with what must come of it.

The cases are (what is asked for, the fault, how often it happens or which one line must tell of it).
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.support.hub_faults import Fault

REVISION = "0123456789abcdef0123456789abcdef01234567"
TABLE = "toy/train-00000-of-00001.parquet"


def a_minute_from_now() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)


# Kind of fault, where it happens, how often.
PASSING = [
    *[("table", Fault("HEAD", status), 3) for status in (408, 429, 500, 502, 503, 504)],
    ("table", Fault("HEAD", 429, {"Retry-After": "7"}), 3),
    ("table", Fault("HEAD", 503, {"Retry-After": a_minute_from_now()}), 3),
    *[("table", Fault("HEAD", kind=kind), 3) for kind in ("reset", "stall")],
    *[("table", Fault("GET", status), 3) for status in (429, 500, 502, 503)],
    *[("table", Fault("GET", kind=kind), 3) for kind in ("reset", "reset_half", "cut", "stall", "stall_half", "short")],
    *[("table", Fault("GET", kind=kind), 1) for kind in ("other", "gzip", "page")],
    *[("model", Fault("GET", status, path="/api/"), 3) for status in (429, 500, 503)],
    *[("model", Fault("GET", kind=kind, path="/api/models/owner/model/revision"), 3) for kind in ("reset", "stall")],
    ("model", Fault("GET", kind="cut", path="/api/models/owner/model/revision"), 3),
    ("model", Fault("GET", kind="cut", path="/tree/"), 3),
    ("model", Fault("HEAD", 503, path="config.json"), 3),
    *[("model", Fault("GET", kind=kind, path="config.json"), 1) for kind in ("cut", "short", "other", "page", "gzip")],
    *[("model", Fault("GET", kind=kind, path="/cdn/"), 2) for kind in ("reset_half", "stall_half", "short")],
    ("model", Fault("GET", kind="other", path="/cdn/"), 1),
]


def case_name(case: tuple) -> str:
    what, fault = case[:2]
    waits = "-retry-after" if fault.headers.get("Retry-After") else ""
    return f"{what}-{fault.method}{fault.path.replace('/', '.')}-{fault.status or fault.kind}{waits}"


FILE = rf"dataset owner/toy, revision {REVISION}, file {re.escape(TABLE)}: "
MODEL_NAME = rf"model owner/model, revision {REVISION}"
CONFIG = rf"{MODEL_NAME}, file config\.json: "
NO_REVISION, NO_FILE = {"X-Error-Code": "RevisionNotFound"}, {"X-Error-Code": "EntryNotFound"}
LASTING = [
    *[("table", Fault("HEAD", code), rf"{FILE}the Hub answered HTTP {code}$") for code in (418, 429, 500, 502, 503)],
    *[("table", Fault("HEAD", code), rf"{FILE}no such rep.* set HF_TOKEN \(HTTP {code}\)$") for code in (401, 403)],
    ("table", Fault("HEAD", 404, NO_REVISION), rf"{FILE}no such revision \(HTTP 404\)$"),
    ("table", Fault("HEAD", 404, NO_FILE), rf"{FILE}no such file \(HTTP 404\)$"),
    ("table", Fault("HEAD", kind="reset"), rf"{FILE}\w+Error: "),
    ("table", Fault("HEAD", kind="stall"), rf"{FILE}ReadTimeout: "),
    ("table", Fault("HEAD", kind="loop"), rf"{FILE}TooManyRedirects: "),
    ("table", Fault("HEAD", kind="page"), rf"{FILE}found an answer for revision None, expected .*a proxy"),
    ("table", Fault("HEAD", kind="revision"), rf"{FILE}found an answer for revision f{{40}}, expected the pinned"),
    ("table", Fault("HEAD", 200, {"X-Repo-Commit": REVISION, "ETag": '"5d41"'}), rf"{FILE}found ETag '5d41', expected"),
    ("table", Fault("GET", 503), rf"{FILE}the Hub answered HTTP 503$"),
    ("table", Fault("GET", 404), rf"{FILE}no such .* \(HTTP 404\)$"),
    ("table", Fault("GET", 403), rf"{FILE}no such rep.* \(HTTP 403\)$"),
    ("table", Fault("GET", kind="reset"), rf"{FILE}\w+Error: "),
    ("table", Fault("GET", kind="stall"), rf"{FILE}ReadTimeout: "),
    ("table", Fault("GET", kind="short"), rf"{FILE}OSError: Consistency check failed"),
    ("table", Fault("GET", kind="gzip"), rf"{FILE}DecodingError: "),
    ("table", Fault("GET", kind="loop"), rf"{FILE}TooManyRedirects: "),
    ("table", Fault("GET", kind="page"), rf"{FILE}OSError: Consistency check failed"),
    ("table", Fault("GET", kind="other"), rf"{FILE}found sha256 \w{{64}}, expected \w{{64}}$"),
    ("model", Fault("GET", 500, path="/api/"), rf"{MODEL_NAME}: the Hub answered HTTP 500$"),
    ("model", Fault("GET", 401, path="/api/"), rf"{MODEL_NAME}: no such rep.* set HF_TOKEN \(HTTP 401\)$"),
    ("model", Fault("GET", kind="page", path="/api/"), rf"{MODEL_NAME}: found no list of files .*a proxy"),
    ("model", Fault("GET", kind="short", path="/api/"), rf"{MODEL_NAME}: found no list of files .*a proxy"),
    ("model", Fault("GET", kind="stall", path="/api/"), rf"{MODEL_NAME}: ReadTimeout: "),
    ("model", Fault("HEAD", kind="revision", path="config.json"), rf"{CONFIG}found an answer for revision ffff"),
    ("model", Fault("HEAD", 404, NO_FILE, path="config.json"), rf"{CONFIG}no such file"),
    ("model", Fault("GET", 404, NO_FILE, path="config.json"), rf"{CONFIG}no such file"),
    (
        "model",
        Fault("GET", kind="other", path="config.json"),
        rf"{CONFIG}found git blob id \w{{40}}, expected \w{{40}}$",
    ),
    (
        "model",
        Fault("GET", kind="other", path="/cdn/"),
        rf"{MODEL_NAME}, file model.safetensors: found sha256 \w{{64}}",
    ),
]
