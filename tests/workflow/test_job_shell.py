"""The shell around a rule's command: what the command ends with is what the job ends with."""

import pytest

from tests.support.workspace import Workspace

TABLE = "results/raw/pocket/boolq/train.parquet"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def test_a_command_that_fails_fails_its_job(workspace):
    """Its output goes through `tee`, which must not answer for it."""
    workspace.edit("workflow/scripts/raw.py", "    args = ", "    raise SystemExit(3)\n    args = ")
    text = workspace.refusal(TABLE)
    assert "completed successfully" not in text
    assert "command exited with non-zero exit code" in text
