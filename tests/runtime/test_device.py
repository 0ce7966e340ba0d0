"""Jobs side by side on one machine compute on GPUs of their own."""

import os
import tempfile
from types import SimpleNamespace

import pytest
import torch

from p2w.runtime import device


@pytest.fixture
def three_gpus(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=f"GPU-{index * 7}"))
    device._claim_gpu.cache_clear()
    yield
    device._claim_gpu.cache_clear()


@pytest.mark.usefixtures("three_gpus")
def test_every_job_takes_a_free_gpu_and_gives_it_back():
    claims = [device._claim_gpu.__wrapped__() for _ in range(3)]  # as three processes would
    assert [index for index, _ in claims] == [0, 1, 2]
    os.close(claims[1][1])  # this one has ended
    assert device._claim_gpu.__wrapped__()[0] == 1


@pytest.mark.usefixtures("three_gpus")
def test_more_jobs_than_gpus_share():
    claims = [device._claim_gpu.__wrapped__() for _ in range(3)]
    index, lock = device._claim_gpu.__wrapped__()
    assert (index, lock) == (os.getpid() % 3, None)
    assert len(claims) == 3


@pytest.mark.usefixtures("three_gpus")
def test_one_process_stays_on_its_gpu():
    assert device.best_device() == device.best_device() == torch.device("cuda", 0)


def test_without_a_gpu_denormals_count_as_zero(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.best_device() == torch.device("cpu")
    assert torch.tensor([1e-39]).mul(1.0).item() == 0.0
