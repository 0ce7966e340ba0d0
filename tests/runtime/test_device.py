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
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda index: SimpleNamespace(uuid=f"GPU-{index * 7}", name=f"Card {index}"),
    )
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


@pytest.mark.usefixtures("three_gpus")
def test_the_log_names_the_device(capsys):
    device.best_device()
    assert "device: GPU 0, Card 0, driver" in capsys.readouterr().err.replace("no NVIDIA driver", "driver")


@pytest.fixture
def no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("P2W_DEVICE", raising=False)
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    return tmp_path / "version"


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_denormals_count_as_zero(capsys):
    assert device.best_device() == torch.device("cpu")
    assert torch.tensor([1e-39]).mul(1.0).item() == 0.0
    assert f"device: CPU, {torch.get_num_threads()} threads" in capsys.readouterr().err


NVIDIA = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  418.87.01  Wed Sep 25 06:00:38 UTC 2019\n"


def test_a_gpu_that_torch_cannot_use_is_no_reason_to_take_the_cpu(no_gpu, monkeypatch):
    no_gpu.write_text(NVIDIA)
    with pytest.raises(ValueError, match=r"found an NVIDIA GPU .* torch 2.* cannot use it with driver 418\.87\.01"):
        device.best_device()
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert device.best_device() == torch.device("cpu")


@pytest.mark.usefixtures("no_gpu")
def test_an_allocation_with_a_gpu_and_without_a_driver_fails(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(ValueError, match=r"found CUDA_VISIBLE_DEVICES=0, .* no NVIDIA driver loaded"):
        device.best_device()
    monkeypatch.setenv("P2W_DEVICE", "cpu")
    assert device.best_device() == torch.device("cpu")
    monkeypatch.setenv("P2W_DEVICE", "gpu")
    with pytest.raises(ValueError, match=r"P2W_DEVICE: found 'gpu', expected 'cpu' or nothing"):
        device.best_device()
