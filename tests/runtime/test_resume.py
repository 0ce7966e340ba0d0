"""State in the middle of a stage: used when it fits, passed over with one line when it does not, gone on success."""

import os
import signal
import sys
import time
from contextlib import suppress

import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import start_processes

from p2w.adapters.peft_folder import write_adapter
from p2w.config.evaluation import EvaluationConfig, FreeAnswers
from p2w.evaluation.evaluate import predict
from p2w.finetuning.finetune import train_epoch
from p2w.finetuning.multi_task import train_multi_task
from p2w.finetuning.training import Training
from p2w.generators.training import train_decoder
from p2w.prompts.embeddings import encode_cached
from p2w.runtime.files import sha256
from p2w.runtime.processes import Processes
from p2w.runtime.progress import Progress
from p2w.runtime.resume import INTERVAL, SavedState, say
from tests.support.adapters import constant_adapter
from tests.support.commands import SERVER
from tests.support.fake_encoder import FakeEncoder
from tests.support.settings import replace
from tests.support.toy_decoder import SHORT, make_tasks
from tests.support.toy_finetuning import CONFIG, FILES, LORA
from tests.support.toy_samples import free_samples

GUARD = {"seed": 3, "inputs": {"a": "0f"}}
STATE = {"x": torch.arange(3.0), "y": torch.tensor(2, dtype=torch.uint8), "empty": torch.zeros(0, 5).half()}
VALUES = {"losses": [0.1, 1 / 3], "step": 2}


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """State is saved after every step."""
    monkeypatch.setenv(INTERVAL, "0")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "job.safetensors"


class Interrupted(Exception):
    """Raised after the state was offered."""


def save(path, guard=GUARD):
    """As a run that fails after its first step."""

    def fail():
        with SavedState(path, guard) as saved:
            saved.save_if_due(lambda: (STATE, VALUES))
            raise Interrupted

    with pytest.raises(Interrupted):
        fail()


def test_what_is_saved_is_found(path, capsys):
    save(path)
    tensors, values = SavedState(path, GUARD).load()
    assert values == VALUES
    assert tensors.keys() == STATE.keys()
    for name, tensor in STATE.items():
        assert (tensors[name].dtype, tensors[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(tensors[name], tensor)
    assert capsys.readouterr().err == f"{path}: going on from saved state\n"


def test_nothing_is_found_where_nothing_was_saved(path, capsys):
    assert SavedState(path, GUARD).load() is None
    assert SavedState(None, GUARD).load() is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("guard", "name"),
    [
        ({**GUARD, "seed": 4}, "seed"),
        ({**GUARD, "inputs": {"a": "0e"}}, "inputs"),
        ({**GUARD, "versions": {}}, "versions"),
        ({"seed": 3}, "inputs"),
    ],
)
def test_state_of_something_else_is_passed_over(path, capsys, guard, name):
    save(path)
    assert SavedState(path, guard).load() is None
    assert capsys.readouterr().err == f"{path}: saved state has another {name}, starting over\n"


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[:-5]
    elif how == "flipped":
        content[-1] ^= 1
    else:
        content = bytearray(how.encode())
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "flipped", "", "no tensors at all"])
def test_damaged_state_is_passed_over(path, capsys, how):
    save(path)
    damage(path, how)
    assert SavedState(path, GUARD).load() is None
    assert capsys.readouterr().err == f"{path}: saved state is damaged, starting over\n"


def test_success_removes_it_and_what_killed_writes_left(path):
    save(path)
    leftover, other = path.with_name(f".{path.name}.x1.part"), path.with_name("other.safetensors")
    for file in (leftover, other):
        file.touch()
    with SavedState(path, GUARD):
        assert path.exists()
    assert list(path.parent.iterdir()) == [other]


def test_it_is_saved_at_intervals_and_saving_takes_a_small_share_of_the_time(path, monkeypatch):
    now, times = [0.0], []
    monkeypatch.setenv(INTERVAL, "10")
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slowly():
        times.append(now[0])
        now[0] += 2  # which is 5 % of 40
        return {}, {}

    with SavedState(path, GUARD) as saved:
        for _ in range(100):
            now[0] += 1
            saved.save_if_due(slowly)
    assert times == [10, 52, 94]


def test_an_interval_is_a_number(path, monkeypatch):
    monkeypatch.setenv(INTERVAL, "often")
    with pytest.raises(ValueError, match="P2W_SAVE_SECONDS: found 'often', expected a number of seconds"):
        SavedState(path, GUARD).__enter__()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_saves_at_the_end_of_the_step(path, monkeypatch, capsys, number):
    monkeypatch.setenv(INTERVAL, "1000")
    before = signal.getsignal(number)

    def stop():
        with SavedState(path, GUARD) as saved:
            saved.save_if_due(lambda: (STATE, VALUES))
            assert not path.exists()
            os.kill(os.getpid(), number)
            saved.save_if_due(lambda: (STATE, VALUES))

    with pytest.raises(SystemExit) as stopped:
        stop()
    assert stopped.value.code == 128 + number
    assert signal.getsignal(number) == before
    name = signal.Signals(number).name
    assert capsys.readouterr().err == f"stopped by {name}: the same command goes on from the last saved state\n"
    assert SavedState(path, GUARD).load() is not None


def test_ctrl_c_twice_ends_at_once(path):
    def press():
        with SavedState(path, GUARD):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        press()


def test_without_a_file_signals_are_left_alone():
    before = signal.getsignal(signal.SIGTERM)
    with SavedState(None, GUARD) as saved:
        assert signal.getsignal(signal.SIGTERM) == before
        saved.save_if_due(lambda: pytest.fail("nothing is saved"))


def test_work_goes_on_where_state_cannot_be_saved(tmp_path, capsys):
    (tmp_path / "state").write_text("a file, not a folder")
    with SavedState(tmp_path / "state" / "job.safetensors", GUARD) as saved:
        saved.save_if_due(lambda: (STATE, VALUES))
    assert "job.safetensors: state is not saved (" in capsys.readouterr().err


def test_a_reader_that_is_gone_stops_nothing(path, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with suppress(BrokenPipeError), open(writing, "w", buffering=1) as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        say("nobody hears this")
        Progress(1, "steps").advance()
        save(path)
    assert path.exists()


class Steps:
    """Counts what is reported; interrupts after so many."""

    def __init__(self, most=None):
        self.done, self.most = 0, most

    def __call__(self, *_report):
        self.done += 1
        if self.done == self.most:
            raise Interrupted


class Finetune:
    steps = 4

    def __init__(self, base, samples, _folder):
        self.base, self.samples = base, samples

    def run(self, folder, report, seed=3):
        state = folder / "state"
        training = Training(self.base, LORA, CONFIG, seed, "toy", self.samples)
        train_epoch(training, 1, None, folder, report=report, state=state)
        return {name: sha256(folder / name) for name in FILES}


class MultiTask(Finetune):
    steps = 12

    def run(self, folder, report, seed=3):
        tables = {"a": self.samples, "b": self.samples.assign(prompt=self.samples["prompt"] + "!")}
        train_multi_task(self.base, LORA, CONFIG, seed, tables, 3, folder, report=report, state=folder / "state")
        return {name: sha256(folder / name) for name in ("adapter_model.safetensors", "run.json")}


class Decoder:
    steps = 4
    optimizer = "adamw"

    def __init__(self, *_inputs):
        pass

    def run(self, folder, report, seed=3):
        config = replace(SHORT, optimizer=self.optimizer, weight_noise=0.1, condition_noise=0.1, micro_batch_size=3)
        spec, conditions, checkpoints = make_tasks()
        with SavedState(folder / "state", {"seed": seed}) as saved:
            decoder, rows = train_decoder(config, spec, conditions, checkpoints, seed, report=report, saved=saved)
        return [rows, [parameter.tolist() for parameter in decoder.parameters()]]


class FusedDecoder(Decoder):
    optimizer = "adamw_fused"


class EightBitDecoder(Decoder):
    optimizer = "adamw_8bit"


class Embeddings:
    steps = 4

    def __init__(self, *_inputs):
        self.texts = [f"{'word ' * (1 + number % 5)}{number}" for number in range(100)]

    def run(self, folder, report, seed=3):
        with SavedState(folder / "state", {"seed": seed}) as saved:
            states = encode_cached(self.texts, FakeEncoder(), folder / "cache", saved, report)
        return [state.tolist() for state in states]


class Evaluation:
    steps = 32  # batches of two rows, of one source and then another
    free = None

    def __init__(self, base, samples, folder):
        self.base, self.samples, self.adapters = base, samples, {}
        for number in range(2):
            write_adapter(folder / str(number), *constant_adapter(base, 0.1 * number, LORA))
            self.adapters[f"trained/{number}"] = folder / str(number)

    def run(self, folder, report, seed=3):
        config = EvaluationConfig(max_rows=22, batch_tokens=180, option_text=True)
        with SavedState(folder / "state", {"seed": seed}) as saved:
            table = predict(
                self.base, self.samples, self.adapters, config, torch.device("cpu"), report, saved, self.free
            )
        return table.to_json(double_precision=15)


class FreeEvaluation(Evaluation):
    free = FreeAnswers(max_new_tokens=9)

    def __init__(self, base, _samples, folder):
        super().__init__(base, free_samples(), folder)


STAGES = [Finetune, MultiTask, Decoder, FusedDecoder, EightBitDecoder, Embeddings, Evaluation, FreeEvaluation]


@pytest.fixture(params=STAGES)
def stage(request, tiny_base_model, tiny_samples, tmp_path):
    return request.param(tiny_base_model, tiny_samples, tmp_path / "inputs")


def interrupted(stage, folder, most):
    folder.mkdir()
    with pytest.raises(Interrupted):
        stage.run(folder, Steps(most))
    assert (folder / "state").exists()


def test_steps_that_were_saved_are_not_done_again(stage, tmp_path):
    expected, whole = stage.run(tmp_path, Steps()), Steps()
    stage.run(tmp_path / "whole", whole)
    assert whole.done == stage.steps
    for done in (1, stage.steps // 2, stage.steps - 1):
        folder, rest = tmp_path / str(done), Steps()
        interrupted(stage, folder, done)
        assert stage.run(folder, rest) == expected
        assert rest.done == stage.steps - done
        assert not (folder / "state").exists()


def test_another_seed_starts_over(stage, tmp_path, capsys):
    interrupted(stage, tmp_path / "x", 2)
    rest = Steps()
    stage.run(tmp_path / "x", rest, seed=4)
    assert rest.done == stage.steps
    assert "saved state has another" in capsys.readouterr().err


def test_damage_costs_the_state_and_not_the_result(stage, tmp_path):
    expected = stage.run(tmp_path / "whole", Steps())
    interrupted(stage, tmp_path / "x", 2)
    damage(tmp_path / "x" / "state", "cut")
    assert stage.run(tmp_path / "x", Steps()) == expected


def one_of_two(rank, folder, stop):
    """Train in one of two processes; where `stop`, the second one is told to after its second step."""
    torch.set_num_threads(1)
    os.environ[INTERVAL] = "1000"
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting_{stop}", rank=rank, world_size=2)
    processes, steps = Processes(rank, 2), []

    def report(done, _total, _note):
        steps.append(done)
        if stop and rank == 1 and done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    code = 0
    try:
        with SavedState(folder / "state", GUARD, processes) as saved:
            spec, conditions, checkpoints = make_tasks()
            arguments = (SHORT, spec, conditions, checkpoints, 0, "cpu", report, processes, saved)
            decoder, rows = train_decoder(*arguments)
            torch.save((decoder.state_dict(), rows), folder / f"{rank}.pt")
    except SystemExit as exit_:
        code = exit_.code
    (folder / f"{rank}_{stop}").write_text(f"{steps} {code}")
    dist.destroy_process_group()


def test_processes_stop_together_and_go_on_together(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder, stops in ((whole, [False]), (cut, [True, False])):
        folder.mkdir()
        for stop in stops:
            start_processes(one_of_two, (folder, stop), nprocs=2, start_method=SERVER.get_start_method())
    for rank in range(2):
        assert (cut / f"{rank}_True").read_text() == "[1, 2] 143"
        assert (cut / f"{rank}_False").read_text() == "[4] 0"
        (expected, expected_rows), (found, rows) = (torch.load(folder / f"{rank}.pt") for folder in (whole, cut))
        assert rows == expected_rows
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not (cut / "state").exists()
