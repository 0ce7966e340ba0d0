"""What makes a decoder fit: pieces of a batch, checkpointing, other optimizers. None of it changes what is learned."""

import pytest
import torch

from p2w.adapters import checkpoints as checkpoint_files
from p2w.adapters.checkpoints import Block, CheckpointFiles, write_blocks
from p2w.generators import batches as decoder_batches
from p2w.generators.batches import Batches, load_tasks
from p2w.generators.hyperconv import build_decoder
from p2w.generators.optimizers import build_optimizer, convolution_precision, set_learning_rate, update
from p2w.generators.training import accumulate_gradients, train_decoder
from tests.support.kept import numbers_kept
from tests.support.settings import replace
from tests.support.toy_decoder import CONFIG, SHORT, make_tasks, train

ALL = range(SHORT.batch_size)


def make_batches(own=ALL, **change):
    """Batches of the test tasks, and the weight of each token."""
    spec, conditions, checkpoints = make_tasks()
    config = replace(SHORT, **change)
    tasks, weight = load_tasks(config, spec, conditions, checkpoints, "cpu")
    return Batches(config, tasks, 3, "cpu", own), weight


def joined(pieces):
    """Conditions and targets of a whole batch."""
    return [torch.cat(parts) for parts in zip(*pieces, strict=True)]


def gradients(**change):
    """Loss and gradients of one batch by a decoder that is always the same."""
    batches, weight = make_batches(**change)
    decoder = build_decoder((batches.condition_shape, *SHORT.shapes, batches.target_shape), 3, seed=0)
    loss = accumulate_gradients(batches.config, decoder, batches.next(), weight)
    return loss, [parameter.grad for parameter in decoder.parameters()]


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        # The absolute part is for channel biases: the next LayerNorm removes them, their gradient is zero.
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_gradients_of_a_batch_in_pieces_are_those_of_the_whole(size):
    whole, pieces = gradients(), gradients(micro_batch_size=size)
    torch.testing.assert_close(pieces[0], whole[0], rtol=1e-6, atol=0)
    assert_same(pieces[1], whole[1])


def test_items_and_noise_do_not_depend_on_the_pieces_or_on_who_computes_them():
    noise = {"condition_noise": 0.1, "weight_noise": 0.1}
    whole, _ = make_batches(**noise)
    pieces, _ = make_batches(micro_batch_size=2, **noise)
    first, _ = make_batches(own=range(3), **noise)
    second, _ = make_batches(own=range(3, 7), micro_batch_size=3, **noise)
    for _ in range(3):
        expected = joined(whole.next())
        assert [len(expected[0]), len(expected[1])] == [7, 7]
        assert all(map(torch.equal, joined(pieces.next()), expected))
        assert all(map(torch.equal, joined([*first.next(), *second.next()]), expected))


def test_noise_is_new_for_every_item_and_step_and_has_its_size():
    kinds = {"condition_noise": 0.0, "weight_noise": 0.0}
    clean, _ = make_batches(**kinds)
    noisy, _ = make_batches(condition_noise=0.1, weight_noise=0.2)
    batches = [[a - b for a, b in zip(joined(noisy.next()), joined(clean.next()), strict=True)] for _ in range(2)]
    for part, scale in ((0, 0.1), (1, 0.2)):
        items = torch.cat([batch[part].flatten(1) for batch in batches])
        assert items.std(1).tolist() == pytest.approx([scale] * 14, rel=0.15)
        assert torch.corrcoef(items).triu(1).abs().max() < 0.3


def test_checkpointing_gives_the_same_bits_and_keeps_less():
    plain, checkpointed = gradients(), gradients(activation_checkpointing=True)
    assert torch.equal(plain[0], checkpointed[0])
    assert all(map(torch.equal, plain[1], checkpointed[1]))
    decoder = build_decoder(((6, 5, 24), (16, 4, 12), (24, 4, 9)), 3, seed=0)
    kept, all_kept = (numbers_kept(lambda c=c: decoder(torch.ones(2, 6, 5, 24), c)) for c in (True, False))
    assert kept == 2 * (6 * 5 * 24 + 16 * 4 * 12) < all_kept  # the inputs of the blocks


def test_fused_adamw_goes_the_same_way():
    _, plain = train(SHORT)
    _, fused = train(replace(SHORT, optimizer="adamw_fused"))
    assert [row["loss"] for row in fused] == pytest.approx([row["loss"] for row in plain], rel=1e-3)


def test_eight_bit_adamw_learns_alike_in_a_quarter_of_the_memory():
    config = replace(CONFIG, steps=20, learning_rate=3e-3)
    losses = [train(replace(config, optimizer=name))[1][-1]["loss"] for name in ("adamw", "adamw_8bit")]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    parameter = torch.nn.Parameter(torch.ones(64, 256))
    optimizer = build_optimizer("adamw_8bit", [parameter], 1.0, 0.0)
    parameter.grad = torch.ones(64, 256)
    set_learning_rate(optimizer, 0.25)
    update(optimizer, "cpu")
    assert parameter.detach().unique().tolist() == pytest.approx([0.75], rel=1e-3)
    assert optimizer.state[parameter]["exp_avg"].codes.dtype == torch.uint8


def test_tf32_is_as_asked_inside_and_as_before_after():
    setting, found = torch.backends.cudnn.conv, []
    before = setting.fp32_precision
    for tf32 in (True, False):
        with convolution_precision(tf32):
            found.append(setting.fp32_precision)
    assert found == ["tf32", "ieee"]
    assert setting.fp32_precision == before


class OneAtATime(dict):
    """Checkpoints by task that notes every look-up."""

    looked_up = ()

    def __getitem__(self, task):
        self.looked_up += (task,)
        return super().__getitem__(task)


def test_checkpoints_are_looked_up_once_and_tokenized_in_chunks_of_any_size(monkeypatch):
    spec, conditions, checkpoints = make_tasks()
    expected, _ = train(SHORT)
    monkeypatch.setattr(decoder_batches, "CHUNK", 2 * spec.layout.size)
    tables = OneAtATime(checkpoints)
    config = replace(SHORT, targets="host")
    found, _ = train_decoder(config, spec, conditions, tables, 0)
    assert tables.looked_up == tuple(sorted(checkpoints))
    assert all(map(torch.equal, found.parameters(), expected.parameters()))


@pytest.mark.parametrize("validation", [0.0, 0.4])
def test_tables_of_checkpoints_are_read_a_row_group_at_a_time(tmp_path, monkeypatch, validation):
    spec, conditions, checkpoints = make_tasks()
    config = replace(SHORT, validation=validation)
    expected, weight = load_tasks(config, spec, conditions, checkpoints, "cpu")
    monkeypatch.setattr(checkpoint_files, "GROUP", 2 * spec.layout.size)
    for task, flat in checkpoints.items():
        block = Block(1, list(range(len(flat))), [0.0] * len(flat), flat)
        write_blocks(tmp_path / f"{task}.parquet", task, 0, spec.layout, {}, [block], {})
    monkeypatch.setattr(checkpoint_files, "read_checkpoints", None)  # which reads all
    files = CheckpointFiles(sorted(tmp_path.glob("*.parquet")))
    found, same = load_tasks(config, spec, conditions, files, "cpu")
    assert torch.equal(same, weight)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.targets, other.targets)
        if validation:
            torch.testing.assert_close(one.apart[1], other.apart[1])
            assert one.apart[0].chosen.equal(other.apart[0].chosen)
