"""The workflow where it does not lie: as a module of another one, and in an environment that conda makes."""

import re
import shutil

import yaml

from tests.support.finished import SMALL
from tests.support.workspace import PROJECT, Workspace

SAMPLES = "results/theirs/samples/boolq/train.parquet"
SNAKEFILE = f"""
module p2w:
    snakefile: "{PROJECT}/Snakefile"
    config: {{"config_dir": "mine"}}

use rule * from p2w as p2w_*

rule prompts:
    default_target: True
    input: "{SAMPLES}"
    output: "copy.parquet"
    shell: "cp {{input}} {{output}}"
"""


def test_another_snakefile_uses_it_as_a_module_with_its_own_configuration(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    experiments = tmp_path / "mine" / "experiments"
    experiments.mkdir(parents=True)
    shutil.copytree(PROJECT / "config/tasks", tmp_path / "mine/tasks")
    shutil.copy(PROJECT / "config/sources.yaml", tmp_path / "mine")
    shutil.copy(PROJECT / "config/experiments/pocket.yaml", experiments)
    (experiments / "theirs.yaml").write_text(yaml.safe_dump(SMALL))
    theirs = Workspace.at(tmp_path)
    theirs.run()
    assert (tmp_path / "copy.parquet").read_bytes() == (tmp_path / SAMPLES).read_bytes()
    assert "Nothing to be done" in theirs.run()
    assert {"p2w_finetune", "p2w_decoder", "p2w_summary"} <= set(theirs.plan("results/theirs/summary.md"))


def test_the_conda_environment_names_no_other_file_and_has_the_same_pins():
    found = yaml.safe_load((PROJECT / "envs/p2w.yaml").read_text())
    pins = [line for line in (PROJECT / "envs/requirements.txt").read_text().splitlines() if re.match("[a-z]", line)]
    assert found["dependencies"][-1] == {"pip": pins}
    assert all(re.fullmatch(r"[a-z0-9._-]+==\S+", pin) for pin in pins)
