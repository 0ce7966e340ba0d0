"""What `make demo` promises: the pocket experiment for one held-out task, at full size."""

import pytest

from p2w.runtime.files import read_json
from tests.support.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pocket")]

EVALUATION = "results/pocket/evaluation/arc_challenge.json"
KEYS = {"accuracy", "valid", "accuracy_when_valid", "choice_accuracy", "ci95", "adapters"}


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    workspace.run(EVALUATION)
    return read_json(workspace.folder / EVALUATION)


def test_file_follows_the_contract(evaluation):
    head = {key: evaluation[key] for key in ("experiment", "held_out", "split", "n")}
    assert head == {"experiment": "pocket", "held_out": "arc_challenge", "split": "test", "n": 200}
    assert 0.2 < evaluation["chance"] < 0.34
    for result in evaluation["sources"].values():
        assert set(result) >= KEYS
        assert 0 <= result["ci95"][0] <= result["accuracy"] <= result["ci95"][1] <= 1
    assert evaluation["sources"]["generated"]["draws"] == 5


def test_the_base_model_has_the_skill_but_not_the_format(evaluation):
    base = evaluation["sources"]["base"]
    assert base["accuracy"] <= 0.40
    assert base["choice_accuracy"] >= 0.80


def test_training_on_the_target_succeeds(evaluation):
    assert evaluation["sources"]["target_trained"]["accuracy"] >= 0.90


def test_the_generated_adapters_work(evaluation):
    sources = evaluation["sources"]
    assert sources["generated"]["valid"] >= 0.90
    assert sources["generated"]["accuracy"] >= sources["base"]["accuracy"] + 0.40
