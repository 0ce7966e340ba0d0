"""The file of a saved state: used when it fits, passed over with one line when it does not, gone on success."""

import os
import signal
import sys
import time
from contextlib import suppress

import pytest
import torch

from p2w.runtime.progress import Progress
from p2w.runtime.resume import INTERVAL, SavedState, say

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
