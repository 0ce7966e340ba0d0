"""A precision for which the processor has no instructions is said when the model is loaded; nothing else changes."""

import pytest
import torch

from p2w.base import base_model
from p2w.base.base_model import load_model, times_slower
from tests.support.settings import replace


@pytest.mark.parametrize(("times", "said"), [(7.4, True), (1.3, False)])
def test_it_is_said_where_it_is_slow(tiny_base_model, monkeypatch, capsys, times, said):
    monkeypatch.setattr(base_model, "times_slower", lambda _: times)
    model = load_model(replace(tiny_base_model, dtype="bfloat16"))
    assert model.dtype == torch.bfloat16
    warning = "warning: bfloat16 takes this processor 7 times as long as float32"
    assert (warning in capsys.readouterr().err) == said


def test_float32_is_no_slower_than_itself_and_another_is_measured_once():
    assert times_slower(torch.float32) == 1
    assert times_slower(torch.bfloat16) == times_slower(torch.bfloat16) > 0
