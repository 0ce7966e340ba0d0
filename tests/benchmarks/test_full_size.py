"""The full-size benchmark: its counts of operations are PyTorch's own, its model and decoder the published ones."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, Qwen2Config

from p2w.adapters.weight_tokens import WeightTokens
from p2w.generators.hyperconv import HyperConvDecoder


def count(compute):
    """What PyTorch counts."""
    with FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops()


def test_decoder_flops():
    from full_size_counts import decoder_flops

    shapes = ((5, 11, 7), (13, 3, 17), (19, 2, 23))
    decoder, condition = HyperConvDecoder(shapes, 3), torch.ones(2, *shapes[0])
    assert count(lambda: decoder(condition)) == 2 * decoder_flops(shapes, 3)
    assert count(lambda: decoder(condition).sum().backward()) == 6 * decoder_flops(shapes, 3)


def test_model_flops():
    from full_size_counts import model_flops

    sizes = {"vocab_size": 70, "hidden_size": 48, "intermediate_size": 80, "max_position_embeddings": 64}
    config = Qwen2Config(**sizes, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    ids = torch.ones(3, 20, dtype=torch.int64)
    # PyTorch counts the half of attention that a causal mask throws away.
    expected = count(lambda: model(ids)) - 2 * 2 * 48 * 20 * 20 * 3
    assert model_flops(config, [20] * 3, 60) == expected


def test_everything_has_the_published_size():
    from full_size_stages import Setting, all_shapes, decoder_config

    setting = Setting("decoder", reduced=False)
    spec, config = WeightTokens(setting.base.layout()), decoder_config(setting)
    assert spec.shape == (4296, 10, 130)
    shapes = all_shapes(setting, config, spec)
    assert shapes[0] == (128, 384, 384)
    with torch.device("meta"):
        decoder = HyperConvDecoder(shapes, config.kernel_size)
    assert sum(parameter.numel() for parameter in decoder.parameters()) == pytest.approx(1.1e9, rel=0.05)
    assert replace(setting, reduced=True).less(384) == 48


@pytest.mark.long
def test_a_reduced_run_prints_a_line_per_setting(benchmarks):
    command = [sys.executable, benchmarks / "full_size.py", "--reduced", "--steps", "2", "--batch", "1"]
    command += ["--stages", "flatten", "decoder", "--checkpointing", "off", "on"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["stage"] for line in lines] == ["flatten", "decoder", "decoder"]
    assert [line["activation_checkpointing"] for line in lines[1:]] == [False, True]
    assert lines[1]["first_loss"] == pytest.approx(lines[2]["first_loss"], rel=1e-3)
    assert all(line["host_gb"] > 0 for line in lines)
