"""Fine-tuning an epoch at a time: the right loss, the same bits however it is cut into jobs, errors with names."""

import filecmp
import json
import math

import pytest
import torch
from peft import get_peft_model, set_peft_model_state_dict
from torch.nn.functional import cross_entropy

from p2w.adapters.epoch_files import read_snapshots, write_epoch
from p2w.adapters.peft_folder import peft_config, read_adapter
from p2w.base.base_model import load_model
from p2w.base.chat import supervised_batch
from p2w.finetuning.batches import epoch_batches, select_samples
from p2w.finetuning.finetune import train_epoch
from p2w.finetuning.training import Training, response_loss
from p2w.runtime.global_random import seeded
from tests.support.peft_models import trainable
from tests.support.settings import replace
from tests.support.toy_finetuning import CONFIG, FILES, LORA


def train_in_one_go(base, samples, epochs, output, config=CONFIG):
    training = Training(base, LORA, config, 3, "toy", samples)
    for epoch in range(1, epochs + 1):
        write_epoch(output / f"epoch_{epoch}", training.run_epoch(epoch), {})


def train_one_by_one(base, samples, epochs, output, config=CONFIG):
    for epoch in epochs:
        folder = output / f"epoch_{epoch}"
        previous = output / f"epoch_{epoch - 1}" if epoch > 1 else None
        train_epoch(Training(base, LORA, config, 3, "toy", samples), epoch, previous, folder)


def assert_same_bytes(left, right):
    _, different, missing = filecmp.cmpfiles(left, right, FILES, shallow=False)
    assert (different, missing) == ([], [])


def test_epochs_equal_continuous_training(tiny_base_model, tiny_samples, tmp_path):
    train_in_one_go(tiny_base_model, tiny_samples, 3, tmp_path / "whole")
    torch.manual_seed(99)  # the global generator is no part of it
    train_one_by_one(tiny_base_model, tiny_samples, (1, 2), tmp_path / "cut")
    train_one_by_one(tiny_base_model, tiny_samples, (3,), tmp_path / "cut")
    for epoch in (1, 2, 3):
        assert_same_bytes(tmp_path / "whole" / f"epoch_{epoch}", tmp_path / "cut" / f"epoch_{epoch}")


def test_training_learns_and_explains_itself(tiny_base_model, tiny_samples, tmp_path):
    calls = []
    training = Training(tiny_base_model, LORA, CONFIG, 3, "toy", tiny_samples)
    options = {"record": {"made_by": "test"}, "report": lambda *call: calls.append(call)}
    train_epoch(training, 1, None, tmp_path, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["provenance"] == {"made_by": "test"}
    assert (run["task"], run["epoch"], run["step"], len(run["losses"])) == ("toy", 1, 4, 4)
    assert run["losses"][-1] < run["losses"][0]
    assert [call[:2] for call in calls] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert calls[0][2].startswith("toy epoch 1 loss ")


def test_snapshots(tiny_base_model, tiny_samples, tmp_path):
    config = replace(CONFIG, snapshots="every_step")
    train_in_one_go(tiny_base_model, tiny_samples, 2, tmp_path, config)
    snapshots = read_snapshots(tmp_path / "epoch_2")
    tensors, adapter_config = read_adapter(tmp_path / "epoch_2")
    assert torch.equal(snapshots.weights[-1], snapshots.header.layout.flatten(tensors))
    assert snapshots.header.adapter_config == adapter_config
    assert snapshots.step.tolist() == [5, 6, 7, 8]
    losses = json.loads((tmp_path / "epoch_2" / "run.json").read_text())["losses"]
    assert snapshots.loss.tolist() == pytest.approx(losses)
    assert len(snapshots.weights.unique(dim=0)) == 4


@pytest.mark.parametrize(
    ("snapshots", "steps"), [(1, [5]), (2, [2, 5]), (3, [1, 3, 5]), ("every_step", [1, 2, 3, 4, 5])]
)
def test_snapshot_steps(snapshots, steps):
    assert replace(CONFIG, snapshots=snapshots).snapshot_steps(5) == steps


def test_loss_equals_that_of_all_logits(tiny_base_model):
    model = load_model(tiny_base_model)
    prompts, responses = [[5, 6, 7, 8, 9], [10, 11]], [[12, 13], [14, 15, 16]]
    batch = supervised_batch(prompts, responses, 1)
    found = response_loss(model, batch["input_ids"], batch["labels"], "cpu")
    out = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    expected = cross_entropy(out.logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten(), reduction="sum")
    torch.testing.assert_close(found, expected)
    library = model(**batch, return_dict=True).loss
    torch.testing.assert_close(found / 5, library)


def test_the_last_layer_computes_what_the_loss_needs(tiny_base_model):
    """Two rows of seven positions; three of each predict a token of the answer, or two do and have a neighbour."""
    model, counts = load_model(tiny_base_model), []
    batch = supervised_batch([[5, 6, 7, 8, 9], [10, 11]], [[12, 13], [14, 15, 16]], 1)
    for layer in model.base_model.layers:
        layer.mlp.down_proj.register_forward_hook(lambda _module, inputs, _output: counts.append(inputs[0].shape[:2]))
    for shared, whole in ((0, False), (0, True), (1, False)):
        response_loss(model, batch["input_ids"], batch["labels"], "cpu", shared, whole=whole)
    assert counts == [(2, 7), (2, 3), (2, 7), (2, 7), (1, 1), (1, 0), (2, 6), (2, 3)]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_equals_a_plain_peft_loop(tiny_base_model, tiny_samples, dropout):
    config, lora = replace(CONFIG, warmup_steps=0), replace(LORA, dropout=dropout)
    training = Training(tiny_base_model, lora, config, 3, "toy", tiny_samples)
    model = get_peft_model(load_model(tiny_base_model), peft_config(lora, tiny_base_model.name, None)).train()
    set_peft_model_state_dict(model, {f"base_model.model.{name}": p for name, p in training.parameters.items()})
    parameters = list(trainable(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    losses = []
    with seeded(3, 1, torch.device("cpu")):
        for batch in epoch_batches(20, config.batch_size, 3, 1):
            texts = ([rows[i] for i in batch] for rows in (training.encoded.prompts, training.encoded.responses))
            loss = model(**supervised_batch(*texts, training.pad_id)).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    epoch = training.run_epoch(1)
    assert epoch.losses == pytest.approx(losses, rel=1e-4)
    expected = training.layout.flatten(trainable(model)).detach()
    torch.testing.assert_close(epoch.snapshots.weights[-1], expected, rtol=1e-3, atol=1e-5)


def test_two_more_epochs_see_the_same_order():
    first, again, second = epoch_batches(20, 6, 3, 1), epoch_batches(20, 6, 3, 1), epoch_batches(20, 6, 3, 2)
    assert first == again != second
    assert sorted(index for batch in first for index in batch) == list(range(20))
    assert [len(batch) for batch in first] == [6, 6, 6, 2]


def test_learning_rate_is_constant_after_warm_up():
    config = replace(CONFIG, warmup_steps=3, learning_rate=1.0)
    assert [config.rate(step) for step in (0, 1, 2, 3, 4, 1000)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_the_second_phase_has_its_own_learning_rate():
    config = replace(CONFIG, learning_rate=1.0, warmup_steps=1, final_learning_rate=0.25, final_from_step=3)
    assert [config.rate(step) for step in (0, 1, 2, 3, 4, 1000)] == [0.5, 1.0, 1.0, 0.25, 0.25, 0.25]
    assert replace(config, final_from_step=0).rate(0) == 0.25


def test_an_epoch_may_end_before_its_rows(tiny_base_model, tiny_samples):
    config = replace(CONFIG, batch_size=4, steps_per_epoch=2, snapshots="every_step")
    training = Training(tiny_base_model, LORA, config, 3, "toy", tiny_samples)
    first, second = training.run_epoch(1), training.run_epoch(2)
    assert (first.snapshots.step.tolist(), second.snapshots.step.tolist()) == ([1, 2], [3, 4])
    assert len(first.losses) == len(second.losses) == 2


def test_selection_is_seeded(tiny_samples):
    chosen = select_samples("toy", tiny_samples, 5, 1)["id"].tolist()
    assert len(set(chosen)) == 5
    assert chosen == select_samples("toy", tiny_samples, 5, 1)["id"].tolist()
    assert chosen != select_samples("toy", tiny_samples, 5, 2)["id"].tolist()


def test_loss_that_is_not_finite(tiny_base_model, tiny_samples, tmp_path):
    config = replace(CONFIG, learning_rate=1e30, warmup_steps=0)
    named = (
        r"toy, step [234] \(epoch 1\): found loss .* expected finite numbers; the gradient of model.layers.0.* is not"
    )
    with pytest.raises(FloatingPointError, match=named):
        train_epoch(Training(tiny_base_model, LORA, config, 3, "toy", tiny_samples), 1, None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_losses_are_finite_in_bfloat16(tiny_base_model, tiny_samples):
    training = Training(replace(tiny_base_model, dtype="bfloat16"), LORA, CONFIG, 3, "toy", tiny_samples)
    epoch = training.run_epoch(1)
    assert all(map(math.isfinite, epoch.losses))
    assert {parameter.dtype for parameter in training.parameters.values()} == {torch.float32}
