"""What makes fine-tuning fit and go faster: layers computed twice, pieces of like length, a prefix computed once."""

import torch

from p2w.base.shared_prefix import common_prefix
from p2w.finetuning.batches import PREFIX_COST, epoch_batches, micro_batches, prefix_to_share
from p2w.finetuning.training import Training
from tests.support.kept import numbers_kept
from tests.support.settings import replace
from tests.support.toy_finetuning import CONFIG, LORA


def test_activation_checkpointing_keeps_less_and_gives_the_same_bits(tiny_base_model, tiny_samples):
    kept, weights = {}, {}
    for checkpointing in (False, True):
        config = replace(CONFIG, activation_checkpointing=checkpointing)
        training = Training(tiny_base_model, LORA, config, 3, "toy", tiny_samples)
        with training.base.with_adapter(training.parameters):
            kept[checkpointing] = numbers_kept(lambda training=training: training._loss([0, 1, 2]))
        weights[checkpointing] = training.run_epoch(1).snapshots.weights
    assert kept[True] < kept[False] / 4
    assert torch.equal(weights[True], weights[False])


def test_micro_batches_pad_less_than_the_whole_batch(tiny_base_model, tiny_samples):
    encoded = Training(tiny_base_model, LORA, CONFIG, 3, "toy", tiny_samples).encoded
    batch = epoch_batches(20, 20, 3, 1)[0]
    pieces = [list(micro_batches(encoded, batch, size)) for size in (None, 5)]
    padded = [sum(len(p) * max(map(encoded.length, p)) for p in found) for found in pieces]
    assert padded[1] - sum(map(encoded.length, batch)) < (padded[0] - sum(map(encoded.length, batch))) / 2
    assert sorted(index for piece in pieces[1] for index in piece) == sorted(batch)


def test_a_prefix_that_samples_share_is_computed_once_with_the_same_gradients(tiny_base_model, tiny_samples):
    tokens, gradients, piece = {}, {}, list(range(8))
    for shared in (False, True):
        config = replace(CONFIG, shared_prefix=shared)
        training = Training(tiny_base_model, replace(LORA, dropout=0.0), config, 3, "toy", tiny_samples)
        generator = torch.Generator().manual_seed(5)
        for parameter in training.parameters.values():  # lora_B begins as zero, and would leave lora_A without any
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
        seen = []
        embedding = training.base.model.get_input_embeddings()
        embedding.register_forward_hook(lambda _, ids, __, seen=seen: seen.append(ids[0]))
        with training.base.with_adapter(training.parameters):
            training._loss(piece).backward()
        tokens[shared] = sum(ids.numel() for ids in seen)
        gradients[shared] = torch.cat([parameter.grad.flatten() for parameter in training.parameters.values()])
    once = common_prefix([training.encoded.prompts[index] for index in piece])
    assert 7 * once > PREFIX_COST
    assert tokens[False] - tokens[True] == 7 * once
    torch.testing.assert_close(gradients[True], gradients[False], rtol=0, atol=1e-5 * float(gradients[False].norm()))
    assert gradients[False].norm() > 0.1


def test_a_prefix_is_computed_once_where_that_saves_more_than_it_takes():
    prefix = list(range(PREFIX_COST // 2))
    three = [[*prefix, 900 + row, 7] for row in range(3)]
    assert prefix_to_share(three[:1]) == prefix_to_share(three[:2]) == 0
    assert prefix_to_share([prompt[1:] for prompt in three]) == 0
    assert prefix_to_share([[5, *prompt] for prompt in three]) == len(prefix) + 1


def test_the_last_token_of_a_prompt_is_never_shared():
    """It predicts the first of the response."""
    assert prefix_to_share([list(range(200))] * 2) == 199
