"""What scoring must agree with: every question asked of the model alone, one token at a time."""

import pytest
import torch

END, FILLER = 256, 257


class Ends:
    """The two tokens that scoring asks a tokenizer for."""

    eos_token_id, pad_token_id = END, FILLER


def ignore(_count):
    pass


def plain_greedy(model, prompt, steps):
    ids = list(prompt)
    for _ in range(steps):
        ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == END:
            return ids[len(prompt) : -1]
    return ids[len(prompt) :]


def plain_likelihood(model, prompt, response):
    logits = model(input_ids=torch.tensor([prompt + response])).logits[0].log_softmax(-1)
    return float(sum(logits[len(prompt) + i - 1, token] for i, token in enumerate(response)))


@torch.inference_mode()
def assert_plain(model, questions, answers, tolerance=1e-4):
    """`answers` are what the model as it is says to each question alone."""
    for question, found in zip(questions, answers, strict=True):
        steps = max(map(len, question.responses)) + 1
        assert found.ids == plain_greedy(model, question.prompt, steps)
        without_end = [ids[:-1] for ids in question.responses]
        wanted = {"responses": question.responses, "without_end": without_end, "options": question.options}
        for name, continuations in wanted.items():
            expected = [plain_likelihood(model, question.prompt, ids) for ids in continuations]
            assert getattr(found, name) == pytest.approx(expected, abs=tolerance)
