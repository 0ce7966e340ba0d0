"""`pairing: expected` has the expected gradient of `pairing: random`: enumerated exactly on a tiny case."""

import itertools

import pytest
import torch

from p2w.generators.batches import load_tasks
from p2w.generators.hyperconv import build_decoder
from p2w.generators.training import accumulate_gradients
from tests.support.settings import replace
from tests.support.toy_decoder import CONFIG, make_tasks


def gradients(config, decoder, condition, targets, weight):
    """Gradients of a batch with these targets, as one float64 vector."""
    decoder.zero_grad()
    accumulate_gradients(config, decoder, [(condition, targets)], weight)
    return torch.cat([parameter.grad.double().flatten() for parameter in decoder.parameters()])


@pytest.mark.parametrize("loss", ["weighted", "plain"])
def test_the_mean_gradient_over_all_pairs_is_that_of_the_expected_targets(loss):
    spec, conditions, checkpoints = make_tasks(num_tasks=2, checkpoints=3)
    config = replace(CONFIG, batch_size=2, loss=loss)
    random, weight = load_tasks(config, spec, conditions, checkpoints, "cpu")
    expected, same = load_tasks(replace(config, pairing="expected"), spec, conditions, checkpoints, "cpu")
    assert torch.equal(weight, same)
    condition = torch.stack([task.prompts.gather(torch.arange(config.num_prompts)) for task in random])
    decoder = build_decoder((condition.shape[1:], *config.shapes, spec.shape), config.kernel_size, 0)

    def of(targets):
        return gradients(config, decoder, condition, torch.stack(targets), weight)

    pairs = list(itertools.product(*(task.targets for task in random)))
    assert len(pairs) == 9
    enumerated = torch.stack([of(list(pair)) for pair in pairs])
    found = of([task.targets[0] for task in expected])
    torch.testing.assert_close(enumerated.mean(0), found, rtol=1e-4, atol=1e-6 * found.abs().max().item())
    # A single pair is off by far more than rounding: the noise that `expected` does not have.
    assert ((enumerated - found).norm(dim=1) / found.norm()).min() > 1e-4
