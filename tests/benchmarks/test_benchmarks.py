"""The benchmarks still run, at their smallest size, and print what the table is made of; how fast is not asked here."""

import importlib
import json
import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.long

RATIO = {"claim", "ours_s", "plain_s", "times_as_fast", "by_processor_time", "target", "met"}
LIMIT = {"claim", "ours_s", "processor_s", "at_most_s", "met"}
FLOOR = {"floor_s", "times_the_floor"}
SMALLEST = {
    "checkpoints": ["--layers", "1", "--checkpoints", "2"],
    "embeddings": ["--count", "3"],
    "finetune": ["--rows", "2", "--batch", "2", "--layers", "1"],
    "generation": ["--prompts", "16"],
    "evaluation": ["--adapters", "1", "--rows", "4"],
    "peers": ["--model", "pocket", "--rows", "5", "--batch", "2", "--adapters", "2", "--scored", "3"],
}
KEYS = {
    "checkpoints": [RATIO | FLOOR, RATIO | FLOOR],
    "embeddings": [RATIO | FLOOR],
    "finetune": [RATIO | FLOOR, RATIO],
    "generation": [LIMIT | FLOOR, RATIO],
    "evaluation": [RATIO | FLOOR, RATIO],
    "peers": [RATIO] * 8,
}
# Both ways find the same.
SAME = {
    "checkpoints": lambda found: found["largest_difference"] < 1e-5,
    "embeddings": lambda found: found["largest_difference"] < 1e-3,
    "finetune": lambda found: found["first_losses"][0] == pytest.approx(found["first_losses"][1], rel=1e-4),
    "generation": lambda found: found["same_bytes"],
    "evaluation": lambda found: set(found["different_answers"].values()) == {0},
    "peers": lambda found: same_as_peers(**found),
}


def same_as_peers(
    first_epoch_losses,
    largest_difference_of_likelihoods,
    largest_difference_of_loaded,
    largest_difference_of_states,
    **_,
):
    ours = first_epoch_losses["ours"]
    alike = [first_epoch_losses[name] == pytest.approx(ours, rel=1e-3) for name in ("sequential", "shared")]
    return (
        alike == [True, True]
        and len(ours) == 3
        and largest_difference_of_likelihoods < 1e-3
        and largest_difference_of_loaded < 1e-4
        and largest_difference_of_states < 1e-2
    )


@pytest.fixture
def run(capsys):
    """The JSON line of a benchmark, run in this process."""

    def run(stage, *options):
        importlib.import_module(stage).main([*options, "--threads", "1", "--runs", "1"])
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        assert len(lines) == 1
        found = json.loads(lines[0])
        assert (found["stage"], found["torch"]) == (stage, torch.__version__)
        return found

    return run


@pytest.mark.parametrize("stage", SMALLEST)
def test_a_stage(stage, run):
    found = run(stage, *SMALLEST[stage])
    assert [set(claim) for claim in found["claims"]] == KEYS[stage]
    assert all(claim["ours_s"] > 0 for claim in found["claims"])
    assert SAME[stage](found)


def test_prompts_of_a_file(run, tmp_path):
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps(["one", "one two three"]))
    found = run("embeddings", "--prompts", str(path))
    assert (found["prompts_from"], found["mean_tokens"]) == ("a file", 4)


def test_the_decoder(run):
    found = run("decoder", "--batch", "1", "--large-kernel", "1")
    *ratios, share = found["claims"]
    assert [claim["claim"] for claim in ratios[:2]] == ["the data of a step", "a step with its data, float32"]
    assert all(set(claim) in (RATIO, RATIO | FLOOR) for claim in ratios)
    assert set(share) == {"claim", "share", "at_most", "met", "shares"}


def test_the_workflow(run):
    found = run("workflow", "--stages", "raw", "--target", "results/pocket/samples/arc_easy/train.parquet")
    assert [set(claim) for claim in found["claims"]] == [LIMIT] * 3
    assert found["files"] == 3
    assert set(found["starts"]) == {"raw"}


def test_waiting(run):
    found = run("waiting", "--seconds", "0.2", "--most", "1")
    assert set(found["by_others"]) == {"0", "1"}
    assert all(rate > 0 for rates in found["by_others"].values() for rate in rates.values())


def test_pairing(run):
    sizes = ["--steps", "2", "--every", "1", "--rows", "2", "--draws", "1", "--train-rows", "16"]
    found = run("pairing", *sizes, "--tasks", "arc_easy", "winogrande")
    assert [len(curve["loss"]) for curve in found["curves"].values()] == [2, 2]
    assert all(0 <= claim["accuracy"] <= 1 for claim in found["claims"])


def test_the_table(monkeypatch, tmp_path, capsys):
    bench = importlib.import_module("run")
    ratio = dict.fromkeys(RATIO | FLOOR, 2.0) | {"claim": "one", "met": True}
    limit = dict.fromkeys(LIMIT, 0.02) | {"claim": "two", "met": False}
    share = {"claim": "three", "share": 0.01, "at_most": 0.03, "met": True}
    line = {"stage": "stage", "torch": "2", "claims": [ratio, limit, share]}
    done = subprocess.CompletedProcess([], 0, stdout=json.dumps(line) + "\n", stderr="")
    real = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda command, **kw: done if command[0] == sys.executable else real(command, **kw)
    )
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{bench.BEGIN}old\n{bench.END}after\n")
    for _ in range(2):
        bench.main(["--stages", "checkpoints", "--readme", str(readme)])
    text = readme.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| stage | one | 2 s | 2 s | 2 (2) | 2 | 2 s | 2 | yes |\n" in text
    assert "| stage | two | 20 ms |  |  | at most 0.02 s |  |  | **no** |\n" in text
    assert "| stage | three | 1.0% |  |  | at most 3% |  |  | yes |\n" in text
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="found no text between"):
        bench.main(["--stages", "checkpoints", "--readme", str(readme)])
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == line


def test_the_readme_has_a_place_for_the_table(benchmarks):
    bench = importlib.import_module("run")
    text = (benchmarks / "README.md").read_text()
    assert text.count(bench.BEGIN) == text.count(bench.END) == 1


def test_scaling(run):
    found = run("scaling", "--tasks", "2", "--checkpoints", "2", "--prompts", "20", "--models", "0.5B")["grows"]
    assert found["planning"][0]["jobs"] < found["planning"][1]["jobs"]
    assert [(row["checkpoints"], row["mb"] > 0) for row in found["checkpoints"]] == [(2, True)]
    assert found["loading"][0]["tasks"] == 2
    assert found["adapter"][0]["shape"] == [4296, 10, 130]
