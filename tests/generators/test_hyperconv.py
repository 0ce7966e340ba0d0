import json

import pytest
import torch
from safetensors.torch import load_file

from p2w.generators.hyperconv import HyperConv, HyperConvBlock, HyperConvDecoder, build_decoder
from tests.support.official import GOLDEN, decoder_parameter
from tests.support.published import PARAMETER_NAMES, from_published

SHAPES = ((5, 11, 7), (13, 3, 17), (13, 3, 17), (19, 2, 23))


def official_decoder(kernel_size):
    """Our decoder with the golden parameters, and the official name of each of ours."""
    decoder = HyperConvDecoder(SHAPES, kernel_size).double()
    ours = {ours: official for official, ours in PARAMETER_NAMES.items()}
    names = {}
    for name, _ in decoder.named_parameters():
        _, block, rest = name.split(".", 2)
        names[name] = f"decoder.module_list.{block}.{ours[rest]}"
    parameters = dict(decoder.named_parameters())
    state = {official: decoder_parameter(official, parameters[name].shape) for name, official in names.items()}
    decoder.load_state_dict(from_published(state), strict=True)
    return decoder, names


def run_official(kernel_size):
    """Everything the golden files hold, computed by our decoder, under official names."""
    decoder, names = official_decoder(kernel_size)
    condition = torch.sin(0.11 * torch.arange(2 * 5 * 11 * 7, dtype=torch.float64)).view(2, 5, 11, 7).requires_grad_()
    output = decoder(condition)
    loss = (output.flatten() * torch.cos(torch.arange(output.numel(), dtype=torch.float64))).sum()
    loss.backward()
    grads = {f"grad.{names[name]}": parameter.grad for name, parameter in decoder.named_parameters()}
    return {"output": output.detach(), "loss": loss.detach().view(1), "grad_input": condition.grad, **grads}


def assert_close(found, expected, name):
    # The absolute tolerance is for channel biases: the next LayerNorm removes them, their gradient is zero.
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12, msg=lambda text: f"{name}: {text}")


def test_parity_with_the_published_decoder_kernel_3():
    golden, found = load_file(GOLDEN / "dnd_decoder_k3.safetensors"), run_official(3)
    assert set(found) == set(golden)
    for name, expected in golden.items():
        assert_close(found[name], expected, name)


def test_parity_with_the_published_decoder_kernel_9():
    golden = json.loads((GOLDEN / "dnd_decoder_k9.json").read_text(encoding="utf-8"))
    found = run_official(9)
    assert set(found) == set(golden)
    for name, expected in golden.items():
        flat = found[name].flatten()
        cosine = torch.cos(torch.arange(flat.numel(), dtype=torch.float64))
        sums = torch.stack([(flat * cosine).sum(), flat.abs().sum()])
        # A sum of many values with signs is rounded in another order: relative to the sum of magnitudes.
        assert_close(sums / max(expected["abs_sum"], 1), torch.tensor([expected["cos_sum"], expected["abs_sum"]],
                     dtype=torch.float64) / max(expected["abs_sum"], 1), name)  # fmt: skip
        assert_close(flat[:4], torch.tensor(expected["first"], dtype=torch.float64), name)
        assert_close(flat[-4:], torch.tensor(expected["last"], dtype=torch.float64), name)


def test_from_published_is_strict():
    decoder, names = official_decoder(3)
    state = {official: decoder.get_parameter(name).detach() for name, official in names.items()}
    with pytest.raises(ValueError, match=r"missing the counterparts of blocks.1.hyper.bias"):
        from_published({name: value for name, value in state.items() if name != "decoder.module_list.1.linear1.bias"})
    with pytest.raises(ValueError, match=r"found unexpected 'decoder.module_list.0.linear3.weight'"):
        from_published({**state, "decoder.module_list.0.linear3.weight": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="Missing key"):
        decoder.load_state_dict(from_published({n: v for n, v in state.items() if "list.2" not in n}), strict=True)


def test_hyper_conv_keeps_channels_and_block_maps_them():
    x = torch.randn(2, 5, 11, 7, generator=torch.Generator().manual_seed(0))
    assert HyperConv((11, 7), (3, 17), 3)(x).shape == (2, 5, 3, 17)
    assert HyperConvBlock((5, 11, 7), (13, 3, 17), 3)(x).shape == (2, 13, 3, 17)


def test_residual_only_between_equal_shapes():
    equal, other = HyperConvBlock((5, 11, 7), (5, 11, 7), 3), HyperConvBlock((5, 11, 7), (5, 7, 11), 3)
    for block in (equal, other):
        torch.nn.init.zeros_(block.channel.weight)
        torch.nn.init.zeros_(block.channel.bias)
    x = torch.randn(2, 5, 11, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(equal(x), x)
    assert other(x).abs().max() == 0


def test_output_depends_on_the_order_of_prompts():
    decoder = build_decoder(SHAPES, 3, seed=0)
    x = torch.randn(1, 5, 11, 7, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(decoder(x), decoder(x.flip(1)), atol=1e-4)


def test_build_decoder_is_deterministic_and_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (build_decoder(SHAPES, 3, seed=seed) for seed in (4, 4, 5))
    assert torch.equal(torch.get_rng_state(), state)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(first.blocks[0].channel.weight, other.blocks[0].channel.weight)


def test_parameters_start_as_in_the_published_code():
    block = build_decoder(((16, 24, 40), (32, 8, 20)), 3, seed=0).blocks[0]
    for conv, fan_in in ((block.channel, 16 * 9), (block.hyper.width_first["width"], 40 * 9)):
        # PyTorch's default: uniform within 1/sqrt(fan in).
        assert conv.weight.abs().max().item() == pytest.approx(fan_in**-0.5, rel=0.01)
    assert block.hyper.bias.abs().max().item() <= 1 / (8 * 20)
    assert torch.equal(block.hyper.norm.weight, torch.ones(24, 40))


def test_bad_condition():
    with pytest.raises(ValueError, match=r"found shape \(2, 5, 7, 11\), expected \(B, 5, 11, 7\)"):
        build_decoder(SHAPES, 3, seed=0)(torch.zeros(2, 5, 7, 11))
