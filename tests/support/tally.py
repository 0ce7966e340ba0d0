"""A pytest plugin that counts what the reliability tests tried and what held: `--tally FILE` writes it as JSON.

`tally("kills")` in a test counts one try; it held when the test passes. Counts reach the main process with the test's
report, so they are complete with pytest-xdist too.
"""

from collections import defaultdict
from collections.abc import Callable

import pytest

from p2w.runtime.files import write_json

NAME = "tally"
COUNTS = pytest.StashKey[dict[str, list[int]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("p2w")
    group.addoption("--tally", metavar="FILE", help="write what was tried and what held, by kind, as JSON")
    group.addoption("--thorough", action="store_true", help="more random kills and cases; takes much longer")


def pytest_configure(config: pytest.Config) -> None:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    config.stash[COUNTS] = counts
    config.pluginmanager.register(_Counter(counts), "p2w-tally-counter")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What counts is marked `reliability`, so that `-m reliability` runs it alone."""
    for item in items:
        if NAME in getattr(item, "fixturenames", ()):
            item.add_marker("reliability")


class _Counter:
    def __init__(self, counts: dict[str, list[int]]) -> None:
        self.counts = counts

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, value in report.user_properties:
                if name == NAME:
                    kind, tried = value
                    self.counts[kind][0] += tried
                    self.counts[kind][1] += tried * report.passed


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    counts = config.stash[COUNTS]
    for kind, (tried, held) in sorted(counts.items()):
        terminalreporter.write_line(f"{kind}: {held} of {tried}")
    if config.getoption("--tally"):
        write_json(config.getoption("--tally"), {k: {"tried": t, "held": h} for k, (t, h) in sorted(counts.items())})


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Count tries of a kind; they hold when this test passes."""

    def count(kind: str, tried: int = 1) -> None:
        request.node.user_properties.append((NAME, [kind, tried]))

    return count


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether the long form was asked for (`make reliability`)."""
    return bool(request.config.getoption("--thorough"))
