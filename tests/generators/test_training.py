import json
import math

import pytest
import torch

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.config.settings import parse
from p2w.generators.decoder_file import TrainedDecoder, save_decoder
from p2w.generators.generation import draw_condition, generate, pick_prompts, stream
from p2w.generators.generator_file import load_generator
from p2w.generators.training import lr_schedule, masked_weighted_mse, train_decoder
from tests.support.official import VALUES, random_lora
from tests.support.settings import replace
from tests.support.toy_decoder import CONFIG, DIM, DIMS, LENGTH, RANK, SHORT, make_tasks, train


def effects(layout, flat):
    """All ΔW = B·A of an adapter as one vector: what it does, whatever basis A and B are written in."""
    tensors = layout.unflatten(flat)
    names = [name for name in layout.names if name.endswith("lora_A.weight")]
    return torch.cat([(tensors[name.replace("lora_A", "lora_B")] @ tensors[name]).flatten() for name in names])


@pytest.fixture(scope="module")
def trained():
    return train()


def test_lr_schedule_is_the_official_one():
    golden = VALUES["lr_schedule"]
    found = [lr_schedule(k, golden["base_lr"], golden["warmup_steps"], golden["total_steps"]) for k in range(100)]
    assert found == pytest.approx(golden["values"], rel=1e-9)


def test_lr_schedule_without_warm_up_and_with_nothing_else():
    assert lr_schedule(0, 2.0, 0, 4) == 2.0
    assert lr_schedule(2, 2.0, 0, 4) == pytest.approx(1.0)
    assert [lr_schedule(k, 2.0, 2, 2) for k in range(2)] == [1.0, 2.0]


def test_masked_weighted_mse_is_the_official_one():
    golden = VALUES["masked_weighted_mse"]
    index = torch.arange(120.0)
    target = torch.cos(0.7 * index).view(2, 3, 4, 5)
    target[0, 1, 2:] = math.nan
    output = torch.sin(index).view(2, 3, 4, 5).requires_grad_()
    loss = masked_weighted_mse(output, target, torch.tensor(golden["token_weight"]))
    assert loss.item() == pytest.approx(golden["value"], rel=1e-6)
    loss.backward()
    assert output.grad.isfinite().all()
    assert output.grad[0, 1, 2:].eq(0).all()


def test_training_separates_the_tasks(trained):
    spec, conditions, checkpoints = make_tasks()
    decoder, _ = trained
    means = {task: effects(spec.layout, flat.mean(0)) for task, flat in checkpoints.items()}
    for task, prompts in conditions.items():
        condition = draw_condition(prompts, CONFIG.num_prompts, seed=1, draw=0, device="cpu")
        found = effects(spec.layout, generate(decoder, spec, condition))
        error = {other: ((found - mean).norm() / mean.norm()).item() for other, mean in means.items()}
        own = error.pop(task)
        assert own < 0.25
        assert min(error.values()) > 1


def test_metrics_rows_and_report():
    reports = []
    _, rows = train(SHORT, report=lambda *line: reports.append(line))
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert list(rows[0]) == ["step", "loss", "lr", "grad_norm"]
    assert [row["lr"] for row in rows] == [lr_schedule(k, 1e-2, 2, 4) for k in range(4)]
    assert all(math.isfinite(row["loss"]) and row["grad_norm"] > 0 for row in rows)
    assert reports[-1][:2] == (4, 4)


def test_two_runs_give_the_same_bits_and_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    (first, rows), (again, _), (other, _) = train(SHORT), train(SHORT), train(SHORT, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    assert rows[0]["loss"] != rows[1]["loss"]


def test_the_order_of_the_tasks_does_not_matter():
    spec, conditions, checkpoints = make_tasks()
    turned = {task: checkpoints[task] for task in reversed(checkpoints)}
    first, _ = train(SHORT)
    again, _ = train_decoder(SHORT, spec, conditions, turned, 0)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("change", [{"loss": "plain"}, {"pairing": "expected"}, {"precision": "bfloat16"},
                                    {"weight_noise": 0.1}, {"condition_noise": 0.1}, {"weight_decay": 9.0},
                                    {"clip_norm": 1e-9}])  # fmt: skip
def test_every_option_changes_the_result(change):
    first, _ = train(SHORT)
    other, rows = train(replace(SHORT, **change))
    assert math.isfinite(rows[-1]["loss"])
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("pairing", ["expected", "random"])
def test_only_expected_pairing_trains_on_the_mean_alone(pairing):
    spec, conditions, checkpoints = make_tasks(checkpoints=2)
    config = replace(SHORT, pairing=pairing, loss="plain")
    losses = []
    for order in ([0, 1], [1, 0, 1, 0]):
        turned = {task: flat[order] for task, flat in checkpoints.items()}
        _, rows = train_decoder(config, spec, conditions, turned, 0)
        losses.append([row["loss"] for row in rows])
    assert (losses[0] == pytest.approx(losses[1], rel=1e-6)) == (pairing == "expected")


def test_config_is_what_an_experiment_file_parses_to():
    values = json.loads(json.dumps(CONFIG.to_json()))
    assert parse(DecoderConfig, values) == CONFIG


def test_saved_decoder_is_all_that_generation_needs(trained, tmp_path):
    spec, conditions, _ = make_tasks()
    path, metadata = tmp_path / "decoder.safetensors", {"adapter_config": {"r": RANK, "lora_alpha": 4}}
    save_decoder(path, TrainedDecoder(trained[0], spec, metadata))
    loaded = load_generator(path)
    assert (loaded.spec, loaded.metadata, loaded.num_prompts) == (spec, metadata, 6)
    assert (loaded.decoder.shapes, loaded.decoder.kernel_size) == (trained[0].shapes, 3)
    condition = draw_condition(conditions["task_2"], loaded.num_prompts, 0, 0, "cpu")
    assert torch.equal(loaded.weights(condition), generate(trained[0], spec, condition))
    save_decoder(tmp_path / "again.safetensors", loaded)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_bad_decoder_files(trained, tmp_path):
    spec, _, _ = make_tasks()
    path = tmp_path / "decoder.safetensors"
    wrong = WeightTokens(AdapterLayout.from_tensors(random_lora(0, 2, DIMS, RANK)))
    with pytest.raises(ValueError, match=r"decoder: found output \(12, 4, 9\), expected tokens \(24, 4, 9\)"):
        TrainedDecoder(trained[0], wrong, {})
    state = {name: value for name, value in trained[0].state_dict().items() if "blocks.2" not in name}
    save_decoder(path, _Stub(state, trained[0], spec))
    with pytest.raises(ValueError, match=r"not a generator that this version can load .*Missing key"):
        load_generator(path)


class _Stub:
    """A trained decoder that writes only some of its parameters."""

    def __init__(self, state, decoder, spec):
        self.decoder, self.spec, self.metadata = self, spec, {}
        self.shapes, self.kernel_size, self.state_dict = decoder.shapes, decoder.kernel_size, lambda: state


def test_draws_differ_and_repeat():
    _, conditions, _ = make_tasks()
    prompts = conditions["task_0"]
    first, again, other = (draw_condition(prompts, 6, seed=0, draw=draw, device="cpu") for draw in (0, 0, 1))
    assert first.shape == (6, LENGTH, DIM)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({stream(seed, use) for seed in range(30) for use in range(30)}) == 900


def test_picked_prompts_are_distinct():
    picked = pick_prompts(9, 9, torch.Generator().manual_seed(0))
    assert sorted(picked.tolist()) == list(range(9))
    assert picked.tolist() != list(range(9))
    with pytest.raises(ValueError, match="boolq: found 8 prompts, expected 9 or more"):
        pick_prompts(8, 9, torch.Generator(), "boolq")


def test_generated_weights_must_be_finite(trained):
    spec, _, _ = make_tasks()
    with pytest.raises(FloatingPointError, match="generated weights: found 168 values that are not finite"):
        generate(trained[0], spec, torch.full((6, LENGTH, DIM), math.nan))
