"""A number that is none stops a stage at its step, with the name of the tensor, and nothing is written."""

import math

import pytest
import torch

from p2w.finetuning.finetune import train_epoch
from p2w.finetuning.training import Training
from p2w.runtime.finite import check_gradients, check_weights, first_not_finite
from p2w.runtime.resume import INTERVAL
from p2w.runtime.tensor_files import read_tensors
from tests.support.settings import replace
from tests.support.toy_decoder import SHORT, train
from tests.support.toy_finetuning import CONFIG, LORA

WHOLE = {"a": torch.tensor([[1.0, -3e38]]), "b": torch.tensor([3e38, 3e38]).bfloat16()}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["a", "b"])
def test_the_first_tensor_that_is_not_finite(name, value):
    assert first_not_finite(WHOLE) is None
    broken = {key: tensor.clone() for key, tensor in WHOLE.items()}
    broken[name].view(-1)[-1] = value
    broken["last"] = torch.tensor([math.nan])
    assert first_not_finite(broken) == name


def test_messages():
    with pytest.raises(FloatingPointError, match=r"step 3: found loss nan and .*; the gradient of b is not finite"):
        check_gradients("step 3", math.nan, math.nan, {"a": torch.ones(2), "b": torch.tensor([math.nan])})
    with pytest.raises(FloatingPointError, match=r"found loss 1.0 and gradient norm inf, .*; all gradients are finite"):
        check_gradients("step 3", 1.0, math.inf, WHOLE)
    with pytest.raises(FloatingPointError, match="step 3: found b not finite after the update"):
        check_weights("step 3", {"a": torch.ones(2), "b": torch.tensor([math.inf])})
    check_gradients("step 3", 1.0, 2.0, {"a": torch.tensor([math.nan])})  # not looked at: the norm has seen them


def poisoned(step, number):
    """`step` of an optimizer, after whose call of that number one of its parameters has a NaN."""
    calls = []

    def call(self, *arguments):
        calls.append(step(self, *arguments))
        if len(calls) == number:
            self.param_groups[0]["params"][2].data.view(-1)[3] = math.nan

    return call


@pytest.fixture
def nan_after_two_steps(monkeypatch):
    monkeypatch.setattr(torch.optim.AdamW, "step", poisoned(torch.optim.AdamW.step, 2))


@pytest.mark.usefixtures("nan_after_two_steps")
def test_finetuning_stops_at_the_step_and_writes_nothing(tiny_base_model, tiny_samples, tmp_path, monkeypatch):
    monkeypatch.setenv(INTERVAL, "0")
    output, state = tmp_path / "out", tmp_path / "state"
    found = r"toy, step 2 \(epoch 1\): found model.layers.0.self_attn.k_proj.lora_A.weight not finite after the update"
    with pytest.raises(FloatingPointError, match=found):
        train_epoch(Training(tiny_base_model, LORA, CONFIG, 3, "toy", tiny_samples), 1, None, output, state=state)
    assert list(tmp_path.iterdir()) == [state]
    tensors, _ = read_tensors(state)
    assert all(tensor.isfinite().all() for tensor in tensors.values())  # that of the first step


@pytest.mark.usefixtures("nan_after_two_steps")
def test_decoder_training_stops_at_the_step():
    with pytest.raises(FloatingPointError, match=r"step 2: found blocks\.0\.\S+ not finite after the update"):
        train(SHORT)


def test_decoder_training_names_the_gradient():
    named = r"step 2: found loss .*; the gradient of blocks\.0\.\S+ is not finite"
    with pytest.raises(FloatingPointError, match=named):
        train(replace(SHORT, learning_rate=1e30))
