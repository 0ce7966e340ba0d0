"""What sequences begin with together, and their states after it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from p2w.base.base_model import load_model
from p2w.base.shared_prefix import common_prefix, states_after

TOKENS = st.lists(st.integers(0, 3), max_size=7)


@given(TOKENS, st.lists(TOKENS, min_size=1, max_size=5))
def test_all_begin_with_it_and_not_all_with_one_token_more(prefix, ends):
    sequences = [[*prefix, *end] for end in ends]
    found = common_prefix(sequences)
    assert found >= len(prefix)
    assert len({tuple(sequence[:found]) for sequence in sequences}) == 1
    longer = {tuple(sequence[: found + 1]) for sequence in sequences}
    assert len(longer) > 1 or len(min(sequences, key=len)) == found


def test_states_are_those_of_whole_rows(tiny_base_model):
    model = load_model(tiny_base_model).double()
    rows = torch.tensor([[5, 6, 7, 8, 9, 10, 11], [5, 6, 7, 12, 13, 1, 1], [5, 6, 7, 14, 1, 1, 1]])
    whole = states_after(model, rows, 0)
    for shared in (1, 2, 3):
        torch.testing.assert_close(states_after(model, rows, shared), whole[:, shared:], rtol=1e-9, atol=1e-12)
