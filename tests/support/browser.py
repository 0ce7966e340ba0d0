"""A pytest plugin with Debian's Chromium, and a page that `p2w serve` has open for it.

Chromium is installed where this runs as root on Debian. Elsewhere, without it, the tests that need it are left out,
which the summary says; where `CI` is set, they run and fail instead.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.needs import Needs

# Nothing of its own over the network, and no sandbox, which root in a container cannot have.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


class Served(NamedTuple):
    """A page and the process that serves it."""

    address: str
    process: subprocess.Popen


def _can_run() -> bool:
    return "CI" in os.environ or shutil.which("chromium") is not None or _installs()


def _installs() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


NEEDS = Needs("browser", "Chromium on this machine", "tests of the page; apt-get install chromium", _can_run)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(NEEDS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window; it is installed if it is not here."""
    if shutil.which("chromium") is None and _installs():
        subprocess.run([Path(__file__).parent / "install.sh", "chromium"], check=True)
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(*options: str) -> Iterator[Served]:
    """A page of `p2w serve`, until it is interrupted as by Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-X", "faulthandler", "-m", "p2w", "serve", "--no-open", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        assert process.stdout.readline().startswith(address), process.stderr.read()
        yield Served(address, process)
    finally:
        _interrupt(process)


def _interrupt(process: subprocess.Popen) -> None:
    """As by Ctrl-C; a process that is still there after a minute fails the test and says where its threads are."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler's sign to print them
        pytest.fail(f"p2w serve: still there a minute after Ctrl-C\n{process.communicate()[1]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as found:
        yield found
