"""Batches of so many tokens: everything once, never more than allowed; fine-tuning is not changed by them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from p2w.base.token_batches import by_length
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


def test_micro_batches_by_tokens_give_the_same_training(tiny_base_model, tiny_samples):
    found = {}
    for tokens in (None, 150):
        config = replace(CONFIG, micro_batch_tokens=tokens)
        lora = replace(LORA, dropout=0.0)  # dropout is drawn anew for every piece
        found[tokens] = Training(tiny_base_model, lora, config, 3, "toy", tiny_samples).run_epoch(1)
    assert found[None].losses == pytest.approx(found[150].losses, rel=1e-4)
    torch.testing.assert_close(found[None].snapshots.weights, found[150].snapshots.weights, rtol=1e-2, atol=1e-3)


def test_one_limit_at_a_time():
    with pytest.raises(ValueError, match="found 4 samples and 99 tokens, expected one of"):
        replace(CONFIG, micro_batch_size=4, micro_batch_tokens=99)
