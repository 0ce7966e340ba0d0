"""A pytest plugin: the whole workflow, run once per session on a small version of the pocket experiment.

`done` is the finished workspace, for tests that only look; `workspace` puts configuration and code back after the test.
With pytest-xdist, mark such tests `xdist_group("workflow")`: then one process has them all, and one run is enough.
"""

from collections.abc import Iterator

import pytest

from tests.support.workspace import ALONE, Workspace

TASKS = ["boolq", "piqa", "openbookqa.words"]
SMALL = {
    "inherits": "pocket",
    "jobs": ALONE,
    "tasks": TASKS,
    "seeds": [0, 1],
    "finetune": {"max_samples": 48, "batch_size": 16, "snapshots": 3},
    "checkpoints": {"epochs": 2, "first_epoch": 1},
    "prompts": {"max_per_task": 24},
    "decoder": {"num_prompts": 4, "shapes": [[8, 8, 96]], "steps": 6, "batch_size": 2, "warmup_steps": 1},
    "evaluation": {"draws": 2, "max_rows": 20},
}
EVALUATION = "results/small/evaluation/boolq.json"
SUMMARY = "results/small/summary.md"


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The finished workspace: everything that the summary of three held-out tasks needs."""
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    workspace.experiment("small", SMALL)
    workspace.run(SUMMARY)
    return workspace


@pytest.fixture
def workspace(done: Workspace) -> Iterator[Workspace]:
    """The finished workspace; configuration, rules, captions and code are put back after the test."""
    paths = [path for suffix in ("yaml", "py", "smk", "rst") for path in sorted(done.folder.rglob(f"*.{suffix}"))]
    kept = {path: path.read_text() for path in paths if "results" not in path.parts}
    yield done
    for path, text in kept.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def change(workspace: Workspace, **sections: dict) -> None:
    """Lay changes over sections of the small experiment."""
    changed = {
        key: {**SMALL.get(key, {}), **entry} if isinstance(entry, dict) else entry for key, entry in sections.items()
    }
    workspace.experiment("small", SMALL | changed)
