"""What makes fine-tuning fit: layers computed twice, batches in pieces of like length."""

import torch

from p2w.finetuning.batches import epoch_batches, micro_batches
from p2w.finetuning.training import Training
from tests.support.kept import numbers_kept
from tests.support.settings import replace
from tests.support.toy_finetuning import CONFIG, LORA


def test_activation_checkpointing_keeps_less_and_gives_the_same_bits(tiny_base_model, tiny_samples):
    kept, weights = {}, {}
    for checkpointing in (False, True):
        config = replace(CONFIG, activation_checkpointing=checkpointing)
        training = Training(tiny_base_model, LORA, config, 3, "toy", tiny_samples)
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
