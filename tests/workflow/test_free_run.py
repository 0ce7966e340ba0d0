"""A file of questions without choices, from its rows to an evaluation that can be recounted."""

import csv

import pandas as pd
import pytest

from p2w.pocket.world import RELATIONS
from p2w.runtime.files import read_json
from tests.support.finished import SMALL
from tests.support.recount import assert_same, recount
from tests.support.workspace import Workspace

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("free")]

EVALUATION = "results/free/evaluation/colors.json"
FREE = {
    **SMALL,
    "tasks": ["boolq", "colors"],
    "seeds": [0],
    "finetune": {"max_samples": 64, "batch_size": 8, "snapshots": 8, "learning_rate": 0.01},
    "checkpoints": {"epochs": 2, "first_epoch": 1},
    "evaluation": {"draws": 1, "max_rows": 12},
}
ENTRY = "{file: colors.csv}"
COLOR = RELATIONS["color"]
SCORED = f"{{file: colors.csv, score: {{kind: one_of, answers: [{', '.join(COLOR.objects)}]}}, max_new_tokens: 8}}"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    rows = [(text.format(s=COLOR.noun(f.subject)), f.object) for f in COLOR.facts for text in COLOR.questions]
    with (workspace.folder / "colors.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *rows])
    workspace.experiment("free", FREE)
    table = workspace.folder / "config/tasks/mine.yaml"
    table.write_text(f"{table.read_text()}\n  colors: {ENTRY}\n")
    workspace.run(EVALUATION)
    return workspace


def counted_again(workspace):
    found = read_json(workspace.folder / EVALUATION)
    rows = pd.read_parquet(workspace.folder / EVALUATION.replace(".json", ".predictions.parquet")).to_dict("records")
    expected = recount(rows, None, resample=False)
    assert_same({key: found[key] for key in expected}, expected)
    return found


def test_an_evaluation_of_free_answers_can_be_recounted(workspace):
    found = counted_again(workspace)
    assert (found["n"], found["chance"]) == (12, 0)
    assert found["provenance"]["config"]["score"]["kind"] == "normalized"
    assert {"base", "trained/boolq", "multi_task", "target_trained", "generated", "constant"} <= set(found["sources"])
    assert "choice_accuracy" not in found["sources"]["base"]
    assert found["sources"]["target_trained"]["accuracy"] > 0.5


def test_another_score_takes_another_evaluation_and_nothing_else(workspace):
    workspace.edit("config/tasks/mine.yaml", f"colors: {ENTRY}", f"colors: {SCORED}")
    assert workspace.plan(EVALUATION) == {"evaluate": 1}
    workspace.run(EVALUATION)
    assert counted_again(workspace)["chance"] == 1 / len(COLOR.objects)
