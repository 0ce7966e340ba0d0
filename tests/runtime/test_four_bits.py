"""Four bits: near what was packed, the same when packed again, whatever the size."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from p2w.runtime.four_bits import BLOCK, pack, unpack

numbers = st.floats(-1e4, 1e4, width=32)


@given(arrays("float32", st.tuples(st.integers(1, 3), st.integers(1, 2 * BLOCK + 5)), elements=numbers))
def test_every_number_is_within_half_a_step_of_its_block_and_packs_to_itself(found):
    values = torch.from_numpy(found)
    packed, scales = pack(values)
    again = unpack(packed, scales, values.shape[1])
    steps = scales.float().repeat_interleave(BLOCK, 1)[:, : values.shape[1]]
    assert (packed.dtype, scales.dtype, again.shape) == (torch.uint8, torch.float16, values.shape)
    assert ((again - values).abs() <= 0.51 * steps + 1e-6).all()
    torch.testing.assert_close(unpack(*pack(again), values.shape[1]), again)


def test_the_error_is_a_tenth_of_what_is_packed_in_four_and_a_half_bits():
    values = torch.randn(3, 10 * BLOCK, generator=torch.Generator().manual_seed(0))
    packed, scales = pack(values)
    error = (unpack(packed, scales, values.shape[1]) - values).square().mean().sqrt()
    assert 0.05 < error < 0.11
    assert 8 * (packed.nbytes + scales.nbytes) / values.numel() == 4.5


def test_a_scale_that_is_too_large():
    with pytest.raises(ValueError, match=r"four bits: found a value of 1e\+06, expected less than 450000"):
        pack(torch.full((1, 3), 1e6))
