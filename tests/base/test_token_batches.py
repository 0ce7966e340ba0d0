"""Batches of so many tokens: everything once, never more than allowed; fine-tuning is not changed by them."""

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from p2w.base.token_batches import by_length, pieces
from p2w.finetuning.training import Training
from tests.support.settings import replace
from tests.support.toy_finetuning import CONFIG, LORA


@given(st.lists(st.integers(0, 50)), st.integers(1, 200))
def test_every_sequence_once_within_the_limit(lengths, most):
    batches = list(by_length(dict(enumerate(lengths)), most))
    assert sorted(item for batch in batches for item in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[item] for item in batch) <= most


def test_like_lengths_come_together_and_equal_ones_in_order():
    assert list(by_length({7: 3, 4: 9, 5: 3, 6: 8}, 18)) == [[7, 5], [6, 4]]


def all_cuts(order):
    """Every way to cut a list into pieces."""
    for cuts in product((False, True), repeat=max(len(order) - 1, 0)):
        ends = [0, *(place for place, cut in enumerate(cuts, 1) if cut), len(order)]
        yield [order[start:end] for start, end in pairwise(ends) if start < end]


@given(st.lists(st.integers(0, 20), max_size=7), st.integers(1, 60), st.integers(0, 30))
def test_pieces_compute_the_least_that_is_allowed(lengths, most, own):
    def computed(cut):
        return sum(own + len(piece) * max(lengths[item] for item in piece) for piece in cut)

    def allowed(cut):
        return all(len(piece) == 1 or len(piece) * max(lengths[item] for item in piece) <= most for piece in cut)

    found = pieces(dict(enumerate(lengths)), most, own)
    assert sorted(item for piece in found for item in piece) == list(range(len(lengths)))
    assert allowed(found)
    cuts = all_cuts(sorted(range(len(lengths)), key=lengths.__getitem__))
    assert computed(found) == min(computed(cut) for cut in cuts if allowed(cut))


def test_one_length_is_one_piece_and_a_long_one_stays_alone():
    assert pieces(dict.fromkeys(range(5), 9), 45, own=2) == [[0, 1, 2, 3, 4]]
    assert pieces({7: 30, 4: 9, 5: 9, 6: 8}, 120, own=2) == [[6, 4, 5], [7]]


@pytest.mark.parametrize("cut", [{"micro_batch_tokens": 150}, {"micro_batch_size": 4}])
def test_micro_batches_give_the_same_training(tiny_base_model, tiny_samples, cut):
    lora = replace(LORA, dropout=0.0)  # dropout is drawn anew for every piece
    whole, found = (
        Training(tiny_base_model, lora, config, 3, "toy", tiny_samples).run_epoch(1)
        for config in (CONFIG, replace(CONFIG, **cut))
    )
    assert whole.losses == pytest.approx(found.losses, rel=1e-4)
    torch.testing.assert_close(whole.snapshots.weights, found.snapshots.weights, rtol=1e-2, atol=1e-3)


def test_one_limit_at_a_time():
    with pytest.raises(ValueError, match="found 4 samples and 99 tokens, expected one of"):
        replace(CONFIG, micro_batch_size=4, micro_batch_tokens=99)
