"""Where memory runs out, a step is computed again in smaller pieces and gives what it would have given."""

import pytest
import torch

from p2w.config.evaluation import EvaluationConfig
from p2w.evaluation import continuations
from p2w.evaluation.evaluate import predict
from p2w.finetuning.training import Training
from p2w.generators.hyperconv import HyperConvDecoder
from p2w.runtime.memory import NoRoom, in_pieces_that_fit
from p2w.runtime.progress import silent
from tests.support.answer_tables import assert_alike
from tests.support.settings import replace
from tests.support.toy_decoder import SHORT, train
from tests.support.toy_evaluation import write_toy
from tests.support.toy_finetuning import CONFIG, LORA


def out_of_memory():
    raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2.00 GiB.")


def limited(function, size, most):
    """`function`, which runs out of memory where `size` of its arguments is above `most`."""

    def call(*arguments, **named):
        return out_of_memory() if size(*arguments) > most else function(*arguments, **named)

    return call


def test_the_size_is_halved_until_it_fits(capsys):
    tried = []

    def compute(size):
        tried.append(size)
        return out_of_memory() if size > 2 else f"in pieces of {size}"

    assert in_pieces_that_fit(11, compute, "step 4, items") == ("in pieces of 2", 2)
    assert tried == [11, 5, 2]
    assert capsys.readouterr().err.splitlines() == [
        "step 4, items: memory ran out with 11 at once, trying again with 5",
        "step 4, items: memory ran out with 5 at once, trying again with 2",
    ]


def test_no_room_for_one_is_an_error_of_one_line():
    with pytest.raises(ValueError, match=r"^x: memory ran out with 1 at once, expected .* \(CUDA out of memory. Tried"):
        in_pieces_that_fit(3, lambda _size: out_of_memory(), "x")


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError, match="of another kind"):
        in_pieces_that_fit(3, lambda _size: (_ for _ in ()).throw(RuntimeError("of another kind")), "x")


def finetune(base, samples, **change):
    training = Training(base, LORA, replace(CONFIG, **change), 3, "toy", samples)
    first, second = training.run_epoch(1), training.run_epoch(2)
    return first.losses, second.losses, second.snapshots.weights.tolist()


def test_finetuning_is_that_of_the_smaller_pieces(tiny_base_model, tiny_samples, monkeypatch, capsys):
    expected = finetune(tiny_base_model, tiny_samples, micro_batch_size=1)
    monkeypatch.setattr(Training, "_loss", limited(Training._loss, lambda _self, piece: len(piece), 2))
    assert finetune(tiny_base_model, tiny_samples) == expected
    assert capsys.readouterr().err.splitlines() == [
        "toy, step 1 (epoch 1), samples: memory ran out with 6 at once, trying again with 3",
        "toy, step 1 (epoch 1), samples: memory ran out with 3 at once, trying again with 1",
    ]


def test_what_a_failed_attempt_had_added_is_taken_back(tiny_base_model, tiny_samples, monkeypatch):
    expected = finetune(tiny_base_model, tiny_samples, micro_batch_size=2)
    calls, loss = [], Training._loss

    def second_fails(self, piece):
        calls.append(piece)
        return out_of_memory() if len(calls) == 2 else loss(self, piece)

    monkeypatch.setattr(Training, "_loss", second_fails)
    assert finetune(tiny_base_model, tiny_samples, micro_batch_size=4) == expected


def test_no_room_for_one_sample_names_the_step(tiny_base_model, tiny_samples, monkeypatch):
    monkeypatch.setattr(Training, "_loss", lambda _self, _piece: out_of_memory())
    with pytest.raises(ValueError, match=r"toy, step 1 \(epoch 1\), samples: memory ran out with 1 at once"):
        finetune(tiny_base_model, tiny_samples)


def test_decoder_training_is_that_of_the_smaller_pieces(monkeypatch, capsys):
    noisy = replace(SHORT, condition_noise=0.1, weight_noise=0.1)
    whole, expected = train(noisy), train(replace(noisy, micro_batch_size=1))
    forward = limited(HyperConvDecoder.forward, lambda _self, condition, *_: len(condition), 2)
    monkeypatch.setattr(HyperConvDecoder, "forward", forward)
    decoder, rows = train(noisy)
    assert rows == expected[1]
    assert all(map(torch.equal, decoder.parameters(), expected[0].parameters()))
    assert [row["loss"] for row in rows] == pytest.approx([row["loss"] for row in whole[1]], rel=1e-5)
    assert "step 1, items: memory ran out with 7 at once, trying again with 3" in capsys.readouterr().err


def answers(base, samples, adapters):
    config = EvaluationConfig(max_rows=22, batch_tokens=2000)
    return predict(base, samples, adapters, config, torch.device("cpu"), silent)


@pytest.mark.parametrize(
    ("most", "line"), [(4, "rows for 3 adapters"), (2, "adapters side by side"), (1, "rows for 1 adapters")]
)
def test_evaluation_in_smaller_pieces(tiny_base_model, tiny_samples, tmp_path, monkeypatch, capsys, most, line):
    _, folder = write_toy(tmp_path, tiny_base_model, tiny_samples)
    subject = tiny_base_model, tiny_samples, {"trained/a": folder, "trained/b": folder}
    expected = answers(*subject)
    size = lambda _model, stack, _cached, packed, *_: len(stack) * len(packed.ids)  # noqa: E731
    monkeypatch.setattr(continuations, "_answer_batch", limited(continuations._answer_batch, size, most))
    found = answers(*subject)
    assert_alike(found, expected)
    assert f"{line}: memory ran out with" in capsys.readouterr().err


def test_no_room_for_one_row_of_one_adapter(tiny_base_model, tiny_samples, monkeypatch):
    monkeypatch.setattr(continuations, "_answer_batch", lambda *_: out_of_memory())
    with pytest.raises(NoRoom, match=r"adapters side by side: memory ran out with 1 at once"):
        answers(tiny_base_model, tiny_samples, {})
