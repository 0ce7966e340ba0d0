import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, Qwen2Config

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.peft_layout import layout_of
from p2w.adapters.weight_tokens import TOKEN_WEIGHT_FLOOR, WeightTokens, token_weight
from tests.support.official import GOLDEN, VALUES, lora_name, random_lora

# Multiples of 5 by distinct primes: 5 is the width, and no axis can stand for another.
DIMS = {"q": (35, 55), "k": (35, 15), "v": (35, 10), "o": (55, 35), "up": (35, 65), "gate": (35, 65), "down": (65, 35)}


def spec_and_flat(seed=0, layers=2, rank=3, scales="published", width=0):
    tensors = random_lora(seed, layers, DIMS, rank)
    layout = AdapterLayout.from_tensors(tensors)
    return WeightTokens(layout, width, scales), layout.flatten(tensors)


def official_tokens(seed, layers):
    tensors = random_lora(seed, layers)
    layout = AdapterLayout.from_tensors(tensors)
    return WeightTokens(layout).tokenize(layout.flatten(tensors))


def assert_sums(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-3)


def test_parity_with_the_official_tokens_of_one_layer():
    golden, tokens = load_file(GOLDEN / "dnd_weight_tokens.safetensors"), official_tokens(1, 1)
    assert tokens.shape == (179, 10, 130)
    torch.testing.assert_close(tokens[golden["index"]], golden["tokens"], rtol=1e-6, atol=1e-6)
    cosine = torch.cos(torch.arange(1300, dtype=torch.float64))
    assert_sums(tokens.double().abs().sum((1, 2)), golden["abs_sums"])
    assert_sums((tokens.double().flatten(1) * cosine).sum(1), golden["cos_sums"])


def test_parity_with_the_official_tokens_of_24_layers():
    golden = VALUES["weight_tokens_24_layers"]
    tokens = official_tokens(golden["seed"], 24)
    assert list(tokens.shape) == golden["shape"]
    assert tokens.double().sum().item() == pytest.approx(golden["sum"], rel=1e-6)
    assert tokens.double().abs().sum().item() == pytest.approx(golden["abs_sum"], rel=1e-6)
    assert tokens.flatten()[:8].tolist() == pytest.approx(golden["first8"], abs=1e-6)
    assert tokens.flatten()[-8:].tolist() == pytest.approx(golden["last8"], abs=1e-6)


def test_parity_with_the_official_token_weight():
    golden = VALUES["token_weight_4_checkpoints"]
    tokens = torch.stack([official_tokens(seed, golden["layers"]) for seed in golden["checkpoint_seeds"]])
    weight = token_weight([tokens])
    assert weight.shape == (golden["num_tokens"],)
    assert weight.sum().item() == pytest.approx(golden["sum"], rel=1e-6)
    assert weight[:8].tolist() == pytest.approx(golden["first8"], rel=1e-6)
    assert weight[-8:].tolist() == pytest.approx(golden["last8"], rel=1e-6)


@pytest.mark.parametrize(
    ("hidden", "kv", "ffn", "layers", "width", "num_tokens"),
    [
        (896, 128, 4864, 24, 128, 4296),  # Qwen2.5-0.5B
        (1536, 256, 8960, 28, 256, 4508),  # Qwen2.5-1.5B
        (3584, 512, 18944, 28, 512, 4928),  # Qwen2.5-7B
        (2048, 256, 11008, 36, 256, 7308),  # Qwen2.5-VL-3B, language model
    ],
)
def test_published_widths_and_token_counts(hidden, kv, ffn, layers, width, num_tokens):
    config = Qwen2Config(hidden_size=hidden, intermediate_size=ffn, num_hidden_layers=layers, vocab_size=11,
                         num_attention_heads=hidden // 128, num_key_value_heads=kv // 128, head_dim=128)  # fmt: skip
    spec = WeightTokens(layout_of(config, LoraConfig(r=8, target_modules="all-linear")))
    assert spec.width == width
    assert spec.shape == (num_tokens, 10, width + 2)


def test_chunks_are_cut_along_in_of_a_and_out_of_b():
    spec, flat = spec_and_flat()
    tokens, tensors = spec.tokenize(flat), spec.layout.unflatten(flat)
    first = tensors[lora_name(0, "q", "A")][:, 5:10]
    second = tensors[lora_name(0, "q", "B")][10:15].T
    for token, chunk in ((tokens[1], first), (tokens[7 + 2], second)):
        torch.testing.assert_close(token[:-2, :-2], (chunk - chunk.mean()) / chunk.std())


def test_margin_alternates_mean_and_scale():
    spec, flat = spec_and_flat()
    chunk = spec.layout.unflatten(flat)[lora_name(0, "q", "A")][:, :5]
    token = spec.tokenize(flat)[0]
    mean, scale = 8 * chunk.mean(), torch.log(0.9 * chunk.std() + 0.1) + 1.6
    torch.testing.assert_close(token[:, -2:], torch.stack([mean, scale]).repeat(5, 1))
    torch.testing.assert_close(token[-2:, :-2], torch.stack([mean, scale, mean, scale, mean]).repeat(2, 1))


@given(st.integers(0, 99), st.integers(1, 5), st.sampled_from([1, 5]), st.sampled_from(["published", "log"]),
       st.sampled_from([(), (2,), (2, 3)]))  # fmt: skip
def test_tokenize_and_detokenize_are_inverse(seed, rank, width, scales, lead):
    if rank * width == 1:
        width = 5
    spec, flat = spec_and_flat(seed, 1, rank, scales, width)
    generator = torch.Generator().manual_seed(seed)
    batch = flat * torch.rand((*lead, 1), generator=generator)
    tokens = spec.tokenize(batch)
    assert tokens.shape == (*lead, *spec.shape)
    assert tokens.dtype == torch.float32
    torch.testing.assert_close(spec.detokenize(tokens), batch, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scales", ["published", "log"])
def test_a_batch_is_its_members(scales):
    spec, flat = spec_and_flat(scales=scales)
    batch = torch.stack([flat, -flat, 2 * flat])
    assert torch.equal(spec.tokenize(batch)[1], spec.tokenize(-flat))
    tokens = spec.tokenize(batch)
    assert torch.equal(spec.detokenize(tokens)[2], spec.detokenize(tokens[2]))


@pytest.mark.parametrize("scales", ["published", "log"])
def test_untrained_adapter_round_trips_exactly(scales):
    spec, flat = spec_and_flat(scales=scales)
    tensors = spec.layout.unflatten(flat)
    for name in tensors:
        if name.endswith("lora_B.weight"):
            tensors[name].zero_()
    zero_b = spec.layout.flatten(tensors)
    tokens = spec.tokenize(zero_b)
    assert tokens.isfinite().all()
    back = spec.layout.unflatten(spec.detokenize(tokens))
    assert all(back[name].eq(0).all() for name in back if name.endswith("lora_B.weight"))
    assert spec.detokenize(spec.tokenize(torch.zeros_like(flat))).eq(0).all()


def test_log_scales_keep_small_deviations_to_more_digits():
    spec, flat = spec_and_flat()
    log = WeightTokens(spec.layout, scales="log")
    tiny = flat * 1e-3
    error = [(s.detokenize(s.tokenize(tiny)) - tiny).norm() / tiny.norm() for s in (spec, log)]
    assert error[1] < 1e-5 < 1e-4 < error[0]


def test_log_scales_bear_the_error_of_a_decoder():
    """The same error on every value of a lightly trained adapter's margins: B·A survives it in one form only."""
    changes = {}
    for scales in ("published", "log"):
        spec, flat = spec_and_flat(scales=scales)
        margin = torch.ones(spec.shape[1:])
        margin[:-2, :-2] = 0
        before, after = (spec.layout.unflatten(spec.detokenize(spec.tokenize(flat) + e * margin)) for e in (0, 0.03))
        products = [x[lora_name(0, "q", "B")] @ x[lora_name(0, "q", "A")] for x in (before, after)]
        changes[scales] = ((products[1] - products[0]).norm() / products[0].norm()).item()
    assert changes["log"] < 0.1
    assert changes["published"] > 0.5


@pytest.mark.parametrize("scales", ["published", "log"])
def test_a_code_below_that_of_zero_means_zero(scales):
    spec, flat = spec_and_flat(scales=scales)
    tokens = torch.ones(spec.shape)
    tokens[:, -2:], tokens[..., -2:] = -99.0, -99.0
    tokens[:, -2:, :-2:2], tokens[..., -2] = 0.0, 0.0
    assert spec.detokenize(tokens).eq(0).all()
    assert flat.abs().sum() > 0


@pytest.mark.parametrize("scales", ["published", "log"])
def test_round_trip_keeps_the_effect_of_the_adapter(scales):
    config = Qwen2Config(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                         num_key_value_heads=1, vocab_size=31)  # fmt: skip
    base = AutoModelForCausalLM.from_config(config)
    model = get_peft_model(base, LoraConfig(r=3, target_modules="all-linear")).eval()
    generator = torch.Generator().manual_seed(0)
    state = get_peft_model_state_dict(model)
    adapter = {name: 0.1 * torch.randn(tensor.shape, generator=generator) for name, tensor in state.items()}
    spec = WeightTokens(AdapterLayout.from_tensors(adapter), scales=scales)
    back = spec.layout.unflatten(spec.detokenize(spec.tokenize(spec.layout.flatten(adapter))))
    back = {f"base_model.model.{name}": tensor for name, tensor in back.items()}
    for name in adapter:
        if name.endswith("lora_A.weight"):
            other = name.replace("lora_A", "lora_B")
            torch.testing.assert_close(back[other] @ back[name], adapter[other] @ adapter[name], rtol=1e-4, atol=1e-6)
    tokens = torch.arange(30).view(2, 15)
    with torch.no_grad():
        untouched = model(tokens).logits
        set_peft_model_state_dict(model, adapter)
        logits = model(tokens).logits
        set_peft_model_state_dict(model, {name: torch.zeros_like(tensor) for name, tensor in adapter.items()})
        set_peft_model_state_dict(model, back)
        again = model(tokens).logits
    assert (logits - untouched).abs().max() > 1e-3
    torch.testing.assert_close(again, logits, rtol=1e-5, atol=1e-5)


def test_token_weight_is_mean_one_per_task_and_guarded():
    spec, flat = spec_and_flat()
    moving = spec.tokenize(torch.stack([flat * factor for factor in (1, 1.5, 3)]))
    frozen = moving.clone()
    frozen[:, :10] = frozen[:1, :10]
    still = moving[:1].repeat(3, 1, 1, 1)
    assert token_weight([moving]).mean().item() == pytest.approx(1)
    assert token_weight([still]).eq(1).all()
    assert token_weight([moving[:1]]).eq(1).all()
    assert token_weight([frozen])[:10].tolist() == pytest.approx([TOKEN_WEIGHT_FLOOR] * 10)
    expected = (token_weight([moving]) + 1) / 2
    torch.testing.assert_close(token_weight([moving, still]), expected)
    with pytest.raises(ValueError, match="found no task, expected one or more"):
        token_weight([])


def test_json_round_trip():
    spec, _ = spec_and_flat(scales="log", width=1)
    assert WeightTokens.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with pytest.raises(ValueError, match="found keys"):
        WeightTokens.from_json({"width": 5})


def test_default_width_is_the_greatest_common_divisor():
    spec, _ = spec_and_flat()
    assert spec.width == math.gcd(*(size for pair in DIMS.values() for size in pair)) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 10}, r"q_proj.lora_A.weight: found dimension 35, expected a multiple of width 10"),
        ({"width": -5}, "width: found -5"),
        ({"rank": 1, "width": 1}, "width: found 1, expected a chunk"),
    ],
)
def test_bad_spec(arguments, message):
    with pytest.raises(ValueError, match=message):
        spec_and_flat(**arguments)


def test_ranks_must_agree():
    tensors = {**random_lora(0, 1, {"q": (10, 5)}, 3), **random_lora(0, 1, {"k": (10, 5)}, 2)}
    with pytest.raises(ValueError, match=r"k_proj.lora_A.weight: found rank 2, expected 3 as in .*q_proj"):
        WeightTokens(AdapterLayout.from_tensors(tensors))


def test_bad_token_shape():
    spec, flat = spec_and_flat()
    T, R, W = spec.shape
    with pytest.raises(ValueError, match=rf"found shape \({T}, {W}, {R}\), expected \(…, {T}, {R}, {W}\)"):
        spec.detokenize(spec.tokenize(flat).mT)
