"""Many tasks and epochs in one job: the same bytes as a job for each, and no epoch twice."""

import filecmp
import shutil

import pytest

from p2w.data.samples import write_samples
from p2w.finetuning import epochs as module
from p2w.finetuning.epochs import Trainer, places_of
from tests.support.toy_finetuning import CONFIG, FILES, LORA

TASKS = ("boolq", "piqa")


@pytest.fixture
def world(tiny_base_model, tiny_samples, tmp_path, monkeypatch):
    """Samples of two tasks in the current folder, for paths are in the records; `train(tasks, epochs, …)` there."""
    monkeypatch.chdir(tmp_path)
    base = tiny_base_model.model_copy(update={"path": str((tmp_path / "base").resolve())})
    shutil.copytree(tiny_base_model.path, base.path)
    for number, task in enumerate(TASKS):
        samples = tiny_samples if number else tiny_samples.iloc[:13]
        write_samples(tmp_path / f"{task}.parquet", samples, {})

    def train(tasks, epochs, keep=False, seed=3):
        names = [f"{task}/epoch_{epoch}" for task in tasks for epoch in epochs]
        outputs = [tmp_path / "adapters" / name / "adapter_model.safetensors" for name in names]
        states = [tmp_path / "state" / f"{name}.safetensors" for name in names]
        before = tmp_path / f"adapters/{tasks[0]}/epoch_{epochs[0] - 1}"
        previous = [before / name for name in FILES] if epochs[0] > 1 else []
        samples = {task: tmp_path / f"{task}.parquet" for task in tasks}
        places = places_of(samples, epochs, outputs, states, previous)
        Trainer(base, LORA, CONFIG, seed).train(places, keep)

    train.folder = tmp_path
    return train


@pytest.fixture
def trained(monkeypatch):
    """Which epochs are trained, in order."""
    calls, real = [], module.train_epoch

    def noted(training, epoch, *arguments, **options):
        calls.append((training.task, epoch))
        real(training, epoch, *arguments, **options)

    monkeypatch.setattr(module, "train_epoch", noted)
    return calls


ALL = [(task, epoch) for task in TASKS for epoch in (1, 2)]


def assert_same(left, right):
    for task, epoch in ALL:
        folders = (side / task / f"epoch_{epoch}" for side in (left, right))
        assert filecmp.cmpfiles(*folders, FILES, shallow=False)[1:] == ([], [])


@pytest.fixture
def one_by_one(world):
    """A job for each epoch; then the outputs are elsewhere."""
    for task, epoch in ALL:
        world([task], [epoch])
    return (world.folder / "adapters").rename(world.folder / "expected")


def test_one_job_makes_the_bytes_of_a_job_for_each_epoch(world, one_by_one):
    world(TASKS, [1, 2], keep=True)
    assert_same(world.folder / "adapters", one_by_one)
    assert not [path for path in (world.folder / "state").rglob("*") if path.is_file()]


def test_what_was_made_from_the_same_is_left_as_it_is(world, one_by_one, trained):
    world(TASKS, [1], keep=True)
    world(TASKS, [1, 2], keep=True)
    assert trained == [("boolq", 1), ("piqa", 1), ("boolq", 2), ("piqa", 2)]
    assert_same(world.folder / "adapters", one_by_one)
    trained.clear()
    world(TASKS, [1, 2], keep=True, seed=4)
    assert trained == ALL, "made with another seed"


@pytest.mark.parametrize("name", FILES)
def test_an_epoch_that_is_not_whole_is_trained_again(world, one_by_one, trained, name):
    world(TASKS, [1, 2], keep=True)
    trained.clear()
    file = world.folder / "adapters/piqa/epoch_1" / name
    file.write_bytes(file.read_bytes()[:-2])
    world(TASKS, [1, 2], keep=True)
    assert trained == [("piqa", 1)], "the second epoch follows from the same first one"
    assert_same(world.folder / "adapters", one_by_one)


def test_an_interrupted_job_goes_on_where_it_was_although_its_outputs_are_gone(world, one_by_one, trained, monkeypatch):
    """Snakemake takes the outputs of a job that failed away."""
    real = module.train_epoch

    def killed(training, epoch, *arguments, **options):
        if (training.task, epoch) == ("piqa", 2):
            raise KeyboardInterrupt
        real(training, epoch, *arguments, **options)

    monkeypatch.setattr(module, "train_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        world(TASKS, [1, 2], keep=True)
    shutil.rmtree(world.folder / "adapters")
    trained.clear()
    monkeypatch.setattr(module, "train_epoch", real)
    world(TASKS, [1, 2], keep=True)
    assert trained == [("piqa", 2)]
    assert_same(world.folder / "adapters", one_by_one)
    assert not [path for path in (world.folder / "state").rglob("*") if path.is_file()]


def test_progress_is_over_the_whole_job(world, monkeypatch):
    said = []
    monkeypatch.setattr(module, "reporter", lambda _unit: lambda *call: said.append(call))
    world(TASKS, [1, 2], keep=True)
    whole = 2 * (3 + 4)  # two epochs of 13 and of 20 rows, 6 at a time
    assert [call[:2] for call in said] == [(step, whole) for step in range(1, whole + 1)]


def test_as_many_outputs_as_tasks_and_epochs(tmp_path):
    samples = {task: tmp_path / f"{task}.parquet" for task in TASKS}
    with pytest.raises(ValueError, match="--output: found 1, expected 4, one for each task and epoch"):
        places_of(samples, [1, 2], [tmp_path / "a"], [], [])
