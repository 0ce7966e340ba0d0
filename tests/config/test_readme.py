"""config/README.md has a row for every key that an experiment, a task or a source may have, and for no other."""

import re

import pytest

from p2w.config import locations, sources, suites, tasks
from p2w.config.experiment import Experiment
from tests.support.workspace import PROJECT

experiment = Experiment.model_fields

SECTIONS = {name: field.annotation for name, field in experiment.items() if hasattr(field.annotation, "model_fields")}
KEYS = {
    "## Experiment": {"inherits", *experiment} - set(SECTIONS),
    **{f"### {name}": set(section.model_fields) for name, section in SECTIONS.items()},
    "### formats": set(tasks.AnswerFormat.model_fields),
    "## Tasks": set(suites.Suite.model_fields),
    "### tasks": {*tasks.Task.model_fields, *locations.HubDataset.model_fields},
    "## Sources": set(sources.Source.model_fields),
}


@pytest.mark.parametrize("heading", KEYS)
def test_every_key_has_a_row_and_every_row_a_key(heading):
    text = (PROJECT / "config/README.md").read_text(encoding="utf-8")
    part = re.split(r"\n#{2,3} ", text.split(f"\n{heading}\n", 1)[1])[0]
    assert set(re.findall(r"^[|] `(\w+)(?:[.]\w+)?` [|]", part, re.MULTILINE)) == KEYS[heading]
