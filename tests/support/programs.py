"""Whether this machine can run programs apart, and as which users the tests have them run."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2w.evaluation.scores import sandbox

SOMEBODY = 4321
# In mounts of its own, the interpreter where somebody without rights reaches it.
BECOME = 'mount --bind "$0" /mnt && exec setpriv --reuid="$1" --regid="$1" --clear-groups -- "${@:2}"'


def need_sandbox() -> None:
    """Where nothing can be run apart the test fails, in the line that a user would read: no check is left out."""
    sandbox.check_sandbox()


@contextmanager
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Programs are run by root as if `SOMEBODY` ran P2W, who is yielded."""
    base, command = sys.base_prefix, sandbox._command
    inside = Path("/mnt") / Path(sandbox._python()).relative_to(os.path.realpath(base))

    def become() -> list[str]:
        return ["unshare", "--mount", "bash", "-c", BECOME, base, str(SOMEBODY), *command()]

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setattr(sandbox, "CONFINED", Path(shutil.copy(sandbox.CONFINED, folder)))
        monkeypatch.setattr(sandbox, "_python", lambda: str(inside))
        monkeypatch.setattr(sys, "base_prefix", "/mnt")
        monkeypatch.setattr(sys, "base_exec_prefix", "/mnt")
        monkeypatch.setattr(sandbox, "_command", become)
        yield SOMEBODY
