"""The simulated memory of decoder training is that of the real step."""

import importlib
import json

import pytest
import torch
from torch.profiler import profile

from p2w.config.decoder import DecoderConfig
from tests.support.settings import replace

SHAPES = ((7, 20, 32), (64, 20, 48), (96, 10, 48), (211, 8, 40))
CONFIG = DecoderConfig(
    num_prompts=7, shapes=SHAPES[1:-1], kernel_size=5, steps=2, batch_size=8, micro_batch_size=4, learning_rate=1e-3
)


@pytest.fixture
def memory():
    return importlib.import_module("full_size_memory")


BFLOAT16 = pytest.param({"precision": "bfloat16"}, marks=pytest.mark.long)  # a CPU takes its time


@pytest.mark.parametrize("change", [{}, BFLOAT16, {"activation_checkpointing": True}])
def test_tensors_without_contents_count_like_real_ones(memory, change, tmp_path):
    config = replace(CONFIG, **change)
    simulated = memory.training_memory(config, SHAPES, 50, 6)
    with profile(profile_memory=True) as profiler:
        real = memory.training_memory(config, SHAPES, 50, 6, fake=False)
    assert (simulated.now, simulated.peak) == (real.now, real.peak)
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    events = [event["args"] for event in trace if event.get("name") == "[memory]"]
    before = events[0]["Total Allocated"] - events[0]["Bytes"]
    allocated = max(event["Total Allocated"] for event in events) - before
    assert 1 <= allocated / simulated.peak < 1.15  # the rest is what kernels take for themselves


def test_what_stays_between_steps_follows_from_the_shapes(memory):
    sizes = [parameter.numel() for parameter in memory.HyperConvDecoder(SHAPES, 5).parameters()]
    blocks = sum(size for size in sizes if size >= 4096 and size % 256 == 0)
    held = {name: memory.training_memory(replace(CONFIG, optimizer=name), SHAPES, 50, 6).now
            for name in ("adamw", "adamw_fused", "adamw_8bit")}  # fmt: skip
    tokens = 211 * 8 * 40 * 4
    data = 6 * tokens + 50 * 20 * 32 * 2 + 51 * 8 + 211 * 4
    assert held["adamw_fused"] == pytest.approx(12 * sum(sizes) + data, rel=1e-4)
    assert held["adamw"] == held["adamw_fused"]
    assert held["adamw"] - held["adamw_8bit"] == pytest.approx(2 * blocks * (4 - 1 - 4 / 256), rel=1e-3)
    host = memory.training_memory(replace(CONFIG, targets="host"), SHAPES, 50, 6).now
    assert held["adamw"] - host == pytest.approx(5 * tokens, abs=8)


def test_a_smaller_micro_batch_takes_less_and_the_first_that_fits_is_chosen(memory):
    configs = [replace(CONFIG, micro_batch_size=size) for size in (8, 4, 2)]
    peaks = [memory.training_memory(config, SHAPES, 50, 6).peak / 1e9 for config in configs]
    assert peaks == sorted(peaks, reverse=True)
    rows = [{"peak_gb": peak} for peak in peaks]
    assert memory.fitting(rows, peaks[1] / 0.9) == rows[1]
    assert memory.fitting(rows, 0.0) is None


def test_the_simulation_keeps_nothing_of_itself(memory):
    first = memory.training_memory(CONFIG, SHAPES, 50, 6)
    assert memory.training_memory(CONFIG, SHAPES, 50, 6).peak == first.peak
    assert torch.nn.LayerNorm((3,))(torch.ones(2, 3)).dtype == torch.float32
