"""What can go wrong between a Hub and its client, for tests/support/hub_server.py to do."""

from dataclasses import dataclass, field


@dataclass
class Fault:
    """What the server does instead of answering, once or always, to a method and to paths that hold a text.

    Kinds: `status`; `reset` the connection; `stall` for ever; `page` of a proxy; `loop` of redirects; or an answer that
    is spoiled: `cut` in half, `reset_half` way, `stall_half` way, `short` without a sign of it, of `other` bytes, of
    another `revision`, with a strange `etag`, `gzip` in name only.
    """

    method: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "status"
    path: str = ""
    always: bool = False


def spoil(kind: str, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of an answer as a fault of this kind leaves them."""
    match kind:
        case "other":
            body = bytes(byte ^ 1 for byte in body)
        case "short":
            body = body[: len(body) // 2]
            headers = {**headers, "Content-Length": str(len(body))}
        case "revision":
            headers = {**headers, "X-Repo-Commit": "f" * 40}
        case "etag":
            headers = {**headers, "ETag": '"5d41402abc4b2a76b9719d911017c592"'}
        case "gzip":
            headers = {**headers, "Content-Encoding": "gzip"}
    return headers, body
