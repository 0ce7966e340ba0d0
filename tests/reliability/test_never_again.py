"""What is finished stays finished; and a change brings about exactly what depends on it, no job more, no job less.

Jobs of the small experiment: 3 tasks, all held out in turn, 2 epochs, 2 decoder seeds, 2 draws.
"""

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.finished import SUMMARY, TASKS, change
from tests.support.workspace import PARTS, PROJECT, Workspace

pytestmark = pytest.mark.xdist_group("workflow")


def jobs(**counts: int) -> Counter[str]:
    return Counter(counts)


# What follows from new evaluations; from new adapters by a decoder; from new decoders; from new adapters by training.
REPORT = jobs(figures=1, summary=1, card=12)
EVALUATED = jobs(evaluate=3) + REPORT
GENERATED = jobs(generate=12, prompt_controls=12) + EVALUATED
DECODED = jobs(decoder=6, constant=6) + GENERATED
TRAINED = jobs(finetune=6, checkpoints=3, control=6, multi_task=3) + DECODED
EMBEDDED = jobs(embeddings=3, prompt_variants=3)
EVERYTHING = jobs(raw=6, samples=6) + EMBEDDED + TRAINED


def test_a_new_workspace_needs_everything(tmp_path: Path, done: Workspace) -> None:
    copy_code(done, tmp_path)
    assert Workspace.at(tmp_path).plan(SUMMARY) == EVERYTHING


def test_a_second_run_does_nothing(workspace: Workspace, tally) -> None:
    tally("reruns avoided")
    assert "Nothing to be done" in workspace.run(SUMMARY)


def test_a_touch_of_code_and_data_reruns_nothing(workspace: Workspace, tally) -> None:
    tally("reruns avoided")
    for path in sorted(workspace.folder.rglob("*")):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert not workspace.plan(SUMMARY)


MACHINES = {
    "one core": ["--cores", "1"],
    "many cores and GPUs": ["--cores", "64", "--resources", "gpu=8"],
    "other threads": ["--cores", "8", "--set-threads", "decoder=8", "finetune=4"],
    "a decoder on four GPUs": ["--cores", "4", "--resources", "gpu=4", "--set-resources", "decoder:gpu=4"],
    "other memory and time": ["--cores", "2", "--set-resources", "evaluate:mem_mb=99000", "finetune:runtime=9"],
    "retries, keep going": ["--cores", "2", "--retries", "3", "--keep-going"],
    "a SLURM cluster": ["--workflow-profile", "profiles/slurm", "--jobs", "7"],
}


@pytest.mark.parametrize("options", MACHINES.values(), ids=MACHINES)
def test_another_machine_or_profile_reruns_nothing(workspace: Workspace, tally, options: list[str]) -> None:
    tally("reruns avoided")
    assert not workspace.plan(SUMMARY, *options)


def copy_code(source: Workspace, folder: Path) -> None:
    """Another clone of the same commit: the same contents, new times."""
    for part in PARTS:
        if (source.folder / part).is_dir():
            shutil.copytree(source.folder / part, folder / part, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source.folder / part, folder / part)


@pytest.mark.parametrize("copy", ["cp -r", "cp -a"])
def test_another_clone_with_the_results_reruns_nothing(done: Workspace, tmp_path: Path, tally, copy: str) -> None:
    """Whether the copy keeps the times of the files (`cp -a`, `rsync -a`) or not."""
    tally("reruns avoided")
    copy_code(done, tmp_path)
    (tmp_path / ".snakemake").mkdir()
    for part in ("results", ".snakemake/metadata"):
        subprocess.run([*copy.split(), done.folder / part, tmp_path / part], check=True)
    assert not Workspace.at(tmp_path).plan(SUMMARY)


def test_make_adopt_copies_what_is_needed(done: Workspace, tmp_path: Path, tally) -> None:
    """And what was adopted is still guarded: a change reruns what depends on it."""
    tally("reruns avoided")
    tally("exact reruns")
    copy_code(done, tmp_path)
    command = ["make", "-f", PROJECT / "Makefile", "adopt", f"FROM={done.folder}"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    clone = Workspace.at(tmp_path)
    assert not clone.plan(SUMMARY)
    change(clone, evaluation={"max_rows": 10})
    assert clone.plan(SUMMARY) == EVALUATED


def test_results_without_their_metadata_are_run_again_unless_touched(done: Workspace, tmp_path: Path, tally) -> None:
    """Snakemake cannot know what it was not told: then `--touch` says that they are good, and is believed."""
    tally("reruns avoided")
    copy_code(done, tmp_path)
    shutil.copytree(done.folder / "results", tmp_path / "results")
    clone = Workspace.at(tmp_path)
    assert clone.plan(SUMMARY) == EVERYTHING  # what the pocket world's tables are made from is newer than they are
    assert clone.snakemake(SUMMARY, "--touch").returncode == 0
    assert not clone.plan(SUMMARY)
    change(clone, evaluation={"max_rows": 10})
    assert clone.plan(SUMMARY) == EVALUATED


def experiment(**sections: dict) -> Callable[[Workspace], None]:
    return lambda workspace: change(workspace, **sections)


def edit(path: str, old: str, new: str) -> Callable[[Workspace], None]:
    return lambda workspace: workspace.edit(path, old, new)


def code(path: str) -> Callable[[Workspace], None]:
    """One more line of code at the end of a file."""

    def add(workspace: Workspace) -> None:
        file = workspace.folder / path
        file.write_text(file.read_text() + "\nADDED = 1\n")

    return add


LIKE_PROMPTS = EMBEDDED + jobs(control=3) + DECODED  # an average of adapters reads no prompt
# openbookqa.words is one of three tasks: boolq's and piqa's decoders learn from it, its own sees its prompts.
ONE_FORMAT = (
    jobs(samples=2, finetune=2, checkpoints=1, embeddings=1, control=5, multi_task=2, prompt_variants=3)
    + jobs(decoder=4, constant=4)
    + GENERATED
)
ONE_MORE_TASK = jobs(
    raw=2, samples=2, finetune=2, checkpoints=1, embeddings=1, control=8, multi_task=4, prompt_variants=4, decoder=8,
    constant=8, generate=16, prompt_controls=16, evaluate=4, figures=1, summary=1, card=16,
)  # fmt: skip
CHANGES = {
    "raw: rows of the source": (edit("config/sources.yaml", "train: 512", "train: 500"), EVERYTHING),
    "raw: a fact of the pocket world": (edit("p2w/pocket/world.yaml", "sky, sea, sapphire", "sea, sky"), EVERYTHING),
    "samples: one format": (
        edit("config/tasks/common_sense.yaml", "with the words of the", "in the words of the"),
        ONE_FORMAT,
    ),
    "base model: precision": (experiment(base_model={"path": "p2w/pocket/base_model", "dtype": "bfloat16"}), TRAINED),
    "lora: alpha": (experiment(lora={"alpha": 9}), TRAINED),
    "finetune: learning rate": (experiment(finetune={"learning_rate": 0.001}), TRAINED),
    "checkpoints: first epoch": (experiment(checkpoints={"first_epoch": 2}), jobs(checkpoints=3) + DECODED),
    "encoder: length": (experiment(encoder={"max_length": 40}), LIKE_PROMPTS),
    "prompts: how many": (experiment(prompts={"max_per_task": 20}), LIKE_PROMPTS),
    "decoder: steps": (experiment(decoder={"steps": 7}), DECODED),
    "evaluation: rows": (experiment(evaluation={"max_rows": 10}), EVALUATED),
    "one more epoch": (
        experiment(checkpoints={"epochs": 3}),
        jobs(finetune=3, checkpoints=3, control=6, multi_task=3) + DECODED,
    ),
    "one more draw": (
        experiment(evaluation={"draws": 3}),
        jobs(generate=6, prompt_controls=6, card=6) + EVALUATED,
    ),
    "one more seed": (
        experiment(seeds=[0, 1, 5]),
        jobs(decoder=3, constant=3, generate=6, prompt_controls=6, card=6) + EVALUATED,
    ),
    "one more task": (experiment(tasks=[*TASKS, "arc_easy"]), ONE_MORE_TASK),
    "a held-out task fewer": (experiment(held_out=TASKS[:2]), jobs(figures=1, summary=1)),
    "code of the raw stage": (code("p2w/data/raw.py"), EVERYTHING),
    "code of fine-tuning": (code("p2w/finetuning/batches.py"), TRAINED),
    "code of the encoder": (code("p2w/prompts/encoder.py"), LIKE_PROMPTS),
    "code of the decoder": (code("p2w/generators/batches.py"), DECODED),
    "a constant of the weight tokens": (
        edit("p2w/adapters/weight_tokens.py", "TOKEN_WEIGHT_FLOOR = 0.01", "TOKEN_WEIGHT_FLOOR = 0.02"),
        DECODED,
    ),
    "code of the evaluation": (code("p2w/evaluation/continuations.py"), EVALUATED),
    "code of the figures": (code("p2w/report/figures_map.py"), jobs(figures=1, summary=1)),
    "code of the summary": (code("p2w/report/summary_document.py"), jobs(summary=1)),
    "code of the cards": (code("p2w/report/cards.py"), jobs(card=12, summary=1)),
    "code of nobody": (code("p2w/runtime/explain.py"), jobs()),
    "code of a stage's command": (code("workflow/scripts/generate.py"), jobs(generate=12) + EVALUATED),
    "caption of a figure": (edit("workflow/report/map.rst", "principal", "main"), jobs(summary=1)),
}


WORDING = {
    "a comment": edit(
        "p2w/finetuning/batches.py", "    size = size or len(batch)", "    size = size or len(batch)  # all"
    ),
    "a docstring": edit("p2w/adapters/weight_tokens.py", "An adapter as weight tokens", "Adapters as weight tokens"),
    "formatting": edit("p2w/adapters/weight_tokens.py", "MARGIN = 2", "MARGIN = (\n    2\n)"),
    "a message": edit("p2w/adapters/weight_tokens.py", "found no task, expected one", "no task, expected one"),
    "a local name of a message": edit("p2w/generators/generator_file.py", "reason", "why"),
    "a line of progress": edit("p2w/finetuning/training.py", " loss {losses[-1]", ", loss {losses[-1]"),
    "help for an option": edit("workflow/scripts/finetune.py", "counted from 1", "from 1 on"),
    "the command line": code("p2w/runtime/cli.py"),
    "how progress is shown": code("p2w/runtime/progress.py"),
    "a new module": lambda workspace: (workspace.folder / "p2w/generators/new.py").write_text("NEW = 1\n"),
}


@pytest.mark.parametrize("make", WORDING.values(), ids=WORDING)
def test_a_change_of_wording_reruns_nothing(workspace: Workspace, tally, make: Callable) -> None:
    tally("reruns avoided")
    make(workspace)
    assert not workspace.plan(SUMMARY)


def test_code_may_be_left_out_for_once(workspace: Workspace, tally) -> None:
    """Then changes of the configuration are not looked at either."""
    tally("reruns avoided")
    code("p2w/finetuning/batches.py")(workspace)
    assert workspace.plan(SUMMARY) == TRAINED
    assert not workspace.plan(SUMMARY, "--rerun-triggers", "mtime", "input", "software-env", "code")


@pytest.mark.parametrize(("make", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_reruns_exactly_what_depends_on_it(workspace: Workspace, tally, make: Callable, expected) -> None:
    tally("exact reruns")
    make(workspace)
    assert workspace.plan(SUMMARY) == expected
