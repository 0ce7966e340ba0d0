"""Every stage that is interrupted goes on from its last step, and ends with what it would have made in one go."""

import os
import signal
from functools import partial

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
from p2w.runtime.resume import INTERVAL, SavedState
from tests.support.adapters import constant_adapter
from tests.support.commands import SERVER
from tests.support.fake_encoder import FakeEncoder
from tests.support.settings import replace
from tests.support.toy_decoder import SHORT, make_tasks
from tests.support.toy_finetuning import CONFIG, FILES, LORA
from tests.support.toy_samples import free_samples


class Interrupted(Exception):
    """Raised by a report."""


class Steps:
    """Counts what is reported; interrupts after so many."""

    def __init__(self, most=None):
        self.done, self.most = 0, most

    def __call__(self, *_report):
        self.done += 1
        if self.done == self.most:
            raise Interrupted


def finetune(base, samples, folder, report, seed=3):
    training = Training(base, LORA, CONFIG, seed, "toy", samples)
    train_epoch(training, 1, None, folder, report=report, state=folder / "state")
    return {name: sha256(folder / name) for name in FILES}


def multi_task(base, samples, folder, report, seed=3):
    tables = {"a": samples, "b": samples.assign(prompt=samples["prompt"] + "!")}
    train_multi_task(base, LORA, CONFIG, seed, tables, 3, folder, report=report, state=folder / "state")
    return {name: sha256(folder / name) for name in ("adapter_model.safetensors", "run.json")}


def decoder(_base, _samples, folder, report, seed=3, optimizer="adamw"):
    config = replace(SHORT, optimizer=optimizer, weight_noise=0.1, condition_noise=0.1, micro_batch_size=3)
    with SavedState(folder / "state", {"seed": seed}) as saved:
        trained, rows = train_decoder(config, *make_tasks(), seed, report=report, saved=saved)
    return [rows, [parameter.tolist() for parameter in trained.parameters()]]


def embeddings(_base, _samples, folder, report, seed=3):
    texts = [f"{'word ' * (1 + number % 5)}{number}" for number in range(100)]
    with SavedState(folder / "state", {"seed": seed}) as saved:
        states = encode_cached(texts, FakeEncoder(), folder / "cache", saved, report)
    return [state.tolist() for state in states]


def evaluation(base, samples, folder, report, seed=3, free=None):
    adapters = {f"trained/{number}": folder / f"trained_{number}" for number in range(2)}
    for number, adapter in enumerate(adapters.values()):
        write_adapter(adapter, *constant_adapter(base, 0.1 * number, LORA))
    config = EvaluationConfig(max_rows=22, batch_tokens=180, option_text=True)
    with SavedState(folder / "state", {"seed": seed}) as saved:
        table = predict(base, samples, adapters, config, torch.device("cpu"), report, saved, free)
    return table.to_json(double_precision=15)


def free_evaluation(base, _samples, *arguments, **seed):
    return evaluation(base, free_samples(), *arguments, **seed, free=FreeAnswers(max_new_tokens=9))


STAGES = {  # and how many steps each has
    "finetune": (finetune, 4),
    "multi_task": (multi_task, 12),
    **{name: (partial(decoder, optimizer=name), 4) for name in ("adamw", "adamw_fused", "adamw_8bit")},
    "embeddings": (embeddings, 4),
    "evaluation": (evaluation, 32),  # batches of two rows, of one source and then another
    "free evaluation": (free_evaluation, 32),
}


@pytest.fixture(params=STAGES)
def stage(request, tiny_base_model, tiny_samples, monkeypatch):
    """What runs a stage in a folder, with its state saved after every step, and the number of steps."""
    monkeypatch.setenv(INTERVAL, "0")
    run, steps = STAGES[request.param]
    return partial(run, tiny_base_model, tiny_samples), steps


def interrupted(run, folder, most):
    folder.mkdir()
    with pytest.raises(Interrupted):
        run(folder, Steps(most))
    assert (folder / "state").exists()


def test_steps_that_were_saved_are_not_done_again(stage, tmp_path):
    (run, steps), whole = stage, Steps()
    expected = run(tmp_path / "whole", whole)
    assert whole.done == steps
    for done in (1, steps // 2, steps - 1):
        folder, rest = tmp_path / str(done), Steps()
        interrupted(run, folder, done)
        assert run(folder, rest) == expected
        assert rest.done == steps - done
        assert not (folder / "state").exists()


def test_another_seed_starts_over(stage, tmp_path, capsys):
    (run, steps), rest = stage, Steps()
    interrupted(run, tmp_path / "x", 2)
    run(tmp_path / "x", rest, seed=4)
    assert rest.done == steps
    assert "saved state has another" in capsys.readouterr().err


def test_damage_costs_the_state_and_not_the_result(stage, tmp_path):
    run, _ = stage
    expected = run(tmp_path / "whole", Steps())
    interrupted(run, tmp_path / "x", 2)
    state = tmp_path / "x" / "state"
    state.write_bytes(state.read_bytes()[:-5])
    assert run(tmp_path / "x", Steps()) == expected


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
        with SavedState(folder / "state", {"seed": 0}, processes) as saved:
            spec, conditions, checkpoints = make_tasks()
            arguments = (SHORT, spec, conditions, checkpoints, 0, "cpu", report, processes, saved)
            decoder, rows = train_decoder(*arguments)
            torch.save((decoder.state_dict(), rows), folder / f"{rank}.pt")
    except SystemExit as exit_:
        code = exit_.code
    (folder / f"{rank}_{stop}").write_text(f"{steps} {code}")
    dist.destroy_process_group()


@pytest.mark.long
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
