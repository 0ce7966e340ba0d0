"""A Hub on this machine: serves a folder {root}/{owner}/{name}/{file} to the Hub's own client.

    python -m tests.support.hub_server --root data/hub --port 8080
    HF_ENDPOINT=http://127.0.0.1:8080 snakemake ...

Datasets and models share the folder. Every commit id is accepted as a revision, so that pinned revisions work.
"""

import argparse
import hashlib
import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

from tests.support.hub_faults import Fault, spoil

MAIN = "1" * 40
REPO = r"(?P<repo>[^/]+/[^/]+)"
FILE = re.compile(rf"/(?:datasets/)?{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
INFO = re.compile(rf"/api/(?:models|datasets)/{REPO}(?:/revision/(?P<revision>[^/]+))?")
TREE = re.compile(rf"/api/(?:models|datasets)/{REPO}/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?")


LARGE = (".parquet", ".safetensors", ".bin")  # what the Hub keeps apart and names by its sha256
CDN = re.compile("/cdn/(?P<sha256>[0-9a-f]{64})")
PAGE = b"<!doctype html><html><body>Please sign in to the network.</body></html>"


class HubServer(ThreadingHTTPServer):
    """The server, the faults it still has to commit, and the requests it has seen as (method, path, headers)."""

    daemon_threads = True

    def __init__(self, root: str | Path, port: int = 0, verbose: bool = False, cdn: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), HubHandler)
        self.root = Path(root)
        self.verbose = verbose
        self.cdn = cdn  # address of the server to which large files are redirected, as the Hub does
        self.closing = Event()
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def seen(self, method: str) -> int:
        """How many requests of a method came in."""
        return sum(request[0] == method for request in self.requests)

    def next_fault(self, method: str, path: str) -> Fault | None:
        """The first fault that is due, which is then spent unless it lasts."""
        due = next((fault for fault in self.faults if fault.method == method and fault.path in path), None)
        if due is not None and not due.always:
            self.faults.remove(due)
        return due


class HubHandler(BaseHTTPRequestHandler):
    """Answers the requests of hf_hub_download and snapshot_download."""

    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.fault = None
        if not any(pattern.fullmatch(path) for pattern in (FILE, TREE, INFO, CDN)):
            self._answer(404, b"", {})
            return
        self.server.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.fault = self.server.next_fault(self.command, path)
        match self.fault and self.fault.kind:
            case "reset":
                self._reset()
            case "stall":
                self._stall()
            case "status":
                self._answer(self.fault.status, b"", self.fault.headers)
            case "page":
                self._answer(200, PAGE, {"Content-Type": "text/html"})
            case "loop":
                self._answer(302, b"", {"Location": self.path})
            case _:
                self._route(path)

    do_HEAD = do_GET

    def _route(self, path: str) -> None:
        if stored := CDN.fullmatch(path):
            self._stored(stored["sha256"])
            return
        routes = ((FILE, self._file), (TREE, self._tree), (INFO, self._info))
        match, answer = next((found, answer) for pattern, answer in routes if (found := pattern.fullmatch(path)))
        repo, revision = self.server.root / match["repo"], match["revision"] or "main"
        commit = MAIN if revision == "main" else revision
        if not repo.is_dir():
            self._missing("RepoNotFound")
        elif not re.fullmatch("[0-9a-f]{40}", commit):
            self._missing("RevisionNotFound")
        else:
            answer(repo, commit, match.groupdict().get("path") or "")

    def _file(self, repo: Path, commit: str, path: str) -> None:
        if not (repo / path).is_file():
            self._missing("EntryNotFound", commit)
            return
        body = (repo / path).read_bytes()
        headers = {"ETag": f'"{name_of(path, body)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if self.server.cdn and path.endswith(LARGE):
            headers |= {"X-Linked-Size": str(len(body)), "X-Linked-Etag": headers.pop("ETag")}
            address = f"{self.server.cdn}/cdn/{name_of(path, body)}?X-Signature=secret"
            self._answer(302, b"", {**headers, "Location": address})
        else:
            self._bytes(body, headers)

    def _stored(self, sha256: str) -> None:
        files = (path for path in self.server.root.rglob("*") if path.is_file())
        body = next((b for b in (path.read_bytes() for path in files) if hashlib.sha256(b).hexdigest() == sha256), None)
        if body is None:
            self._answer(404, b"", {})
        else:
            self._bytes(body, {"ETag": '"of the store"', "Accept-Ranges": "bytes"})

    def _bytes(self, body: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked:
            start = int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self._answer(206, body[start:], headers)
        else:
            self._answer(200, body, headers)

    def _info(self, repo: Path, commit: str, path: str) -> None:
        siblings = [{"rfilename": file} for file in self._files(repo, path)]
        name = repo.relative_to(self.server.root).as_posix()
        self._json({"id": name, "sha": commit, "private": False, "tags": [], "siblings": siblings})

    def _tree(self, repo: Path, commit: str, path: str) -> None:
        if not (repo / path).is_dir():
            self._missing("EntryNotFound", commit)
            return
        sizes = {name: (repo / name).stat().st_size for name in self._files(repo, path)}
        self._json([{"type": "file", "path": name, "size": size, "oid": MAIN} for name, size in sizes.items()])

    def _files(self, repo: Path, path: str) -> list[str]:
        return sorted(file.relative_to(repo).as_posix() for file in (repo / path).rglob("*") if file.is_file())

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str, commit: str | None = None) -> None:
        self._answer(404, b"", {"X-Error-Code": code} | ({"X-Repo-Commit": commit} if commit else {}))

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        kind = self.fault.kind if self.fault else ""
        headers, body = spoil(kind, {"Content-Length": str(len(body)), **headers}, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        halved = kind in ("cut", "reset_half", "stall_half")
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if halved else body)
            self.wfile.flush()
        self.close_connection = self.close_connection or halved
        if kind == "reset_half":
            self._reset()
        elif kind == "stall_half":
            self._stall()

    def _stall(self) -> None:
        """Say nothing more until the test is over."""
        self.server.closing.wait()
        self.close_connection = True

    def _reset(self) -> None:
        """Close the connection the hard way: the client sees a reset, not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        if self.server.verbose:
            super().log_message(format, *args)


def name_of(path: str, body: bytes) -> str:
    """What the Hub calls the content of a file: sha256 of a large one, git's blob id of a small one."""
    if path.endswith(LARGE):
        return hashlib.sha256(body).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


@contextmanager
def serving(root: str | Path, cdn: str | None = None) -> Iterator[HubServer]:
    """A Hub server on a free port for as long as the block lasts."""
    server = HubServer(root, cdn=cdn)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def point_client(patch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    """Point this process's Hub client at another address, with a cache of its own."""
    patch.setattr(constants, "ENDPOINT", url)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)


def main() -> None:
    """Serve a folder until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8080)
    args = parser.parse_args()
    HubServer(args.root, args.port, verbose=True).serve_forever()


if __name__ == "__main__":
    main()
