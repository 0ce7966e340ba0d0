"""What some tests need of a machine: where it is not to be had, they are left out, which the summary says."""

from collections.abc import Callable
from typing import NamedTuple

import pytest


class Needs(NamedTuple):
    """A pytest plugin for the tests of one marker; `what` they need, `left_out` what is then said of them."""

    marker: str
    what: str
    left_out: str
    can_run: Callable[[], bool]

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", f"{self.marker}: needs {self.what}")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = [] if self.can_run() else [item for item in items if item.get_closest_marker(self.marker)]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if not self.can_run():
            terminalreporter.write_line(f"left out: {self.left_out}")
