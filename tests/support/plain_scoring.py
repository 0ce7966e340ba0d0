"""What scoring must agree with: every question asked of the model alone, one token at a time."""

import pytest
import torch
from transformers import PreTrainedModel

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
        steps = question.most or max(map(len, question.responses)) + 1
        assert found.ids == plain_greedy(model, question.prompt, steps)
        without_end = [ids[:-1] for ids in question.responses]
        wanted = {"responses": question.responses, "without_end": without_end, "options": question.options}
        for name, continuations in wanted.items():
            expected = [plain_likelihood(model, question.prompt, ids) for ids in continuations]
            assert getattr(found, name) == pytest.approx(expected, abs=tolerance)


class Parrot(torch.nn.Module):
    """A model that says its line, of distinct tokens, whatever the prompt: after each token the next, or `END`."""

    def __init__(self, model: PreTrainedModel, prompt_end: int, line: list[int]) -> None:
        super().__init__()
        self.model, self.config, self.device, self.dtype = model, model.config, model.device, model.dtype
        self.next = dict(zip([prompt_end, *line], [*line, END], strict=True))
        self.tokens = []  # of each call

    def base_model(self, input_ids, **kwargs):
        self.tokens.append(input_ids.numel())
        return self.model.base_model(input_ids=input_ids, **kwargs)

    def forward(self, input_ids, logits_to_keep=slice(None), **kwargs):
        self.tokens.append(input_ids.numel())
        output = self.model(input_ids=input_ids, logits_to_keep=logits_to_keep, **kwargs)
        following = [[self.next.get(token, END) for token in row] for row in input_ids[:, logits_to_keep].tolist()]
        output.logits = 9.0 * torch.nn.functional.one_hot(torch.tensor(following), output.logits.shape[-1])
        return output
