"""Cached, batched scoring gives what one row at a time through the plain model gives."""

import torch

from p2w.chat import prompt_ids, response_ids
from p2w.scoring import answer, tokenize_samples


def plain_greedy(model, tokenizer, prompt, steps):
    ids = list(prompt)
    for _ in range(steps):
        ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == tokenizer.eos_token_id:
            return ids[len(prompt) : -1]
    return ids[len(prompt) :]


def plain_likelihood(model, prompt, response):
    logits = model(input_ids=torch.tensor([prompt + response])).logits[0].log_softmax(-1)
    return float(sum(logits[len(prompt) + i - 1, token] for i, token in enumerate(response)))


@torch.inference_mode()
def test_answers_equal_the_plain_computation(tiny_base_model, tiny_samples):
    tokenizer, model = tiny_base_model.tokenizer(), tiny_base_model.load()
    samples = tiny_samples.copy()
    # Rows with different numbers of choices and responses of different lengths share a batch.
    samples.at[3, "responses"] = ["no", "it is so", "[C]"]
    samples.at[8, "responses"] = ["[A]", "[B]", "[C]", "[D]", "never"]
    found = answer(model, tokenizer, samples, tokenize_samples(tokenizer, samples), batch_tokens=500)
    assert list(found["id"]) == list(samples["id"])
    for row, sample in zip(found.itertuples(), samples.itertuples(), strict=True):
        prompt = prompt_ids(tokenizer, sample.system, sample.prompt)
        responses = [response_ids(tokenizer, response) for response in sample.responses]
        likelihoods = [plain_likelihood(model, prompt, response) for response in responses]
        assert row.choice == likelihoods.index(max(likelihoods))
        # A batch decodes as far as its own longest response needs, and one token more.
        greedy = tokenizer.decode(plain_greedy(model, tokenizer, prompt, len(row.text) + 10), skip_special_tokens=True)
        assert row.text == "" or greedy.startswith(row.text)
        assert row.gold == sample.answer


@torch.inference_mode()
def test_batching_does_not_matter(tiny_base_model, tiny_samples):
    tokenizer, model = tiny_base_model.tokenizer(), tiny_base_model.load()
    questions = tokenize_samples(tokenizer, tiny_samples)
    one = answer(model, tokenizer, tiny_samples, questions, batch_tokens=1)
    all_at_once = answer(model, tokenizer, tiny_samples, questions, batch_tokens=10**6)
    assert one.equals(all_at_once)


class Parrot(torch.nn.Module):
    """A model that has learned one answer by heart, and then ends the turn."""

    def __init__(self, model, ids):
        super().__init__()
        self.model, self.ids, self.config, self.device = model, ids, model.config, model.device

    def forward(self, past_key_values, input_ids, **kwargs):
        before = past_key_values.get_seq_length()
        output = self.model(input_ids=input_ids, past_key_values=past_key_values, **kwargs)
        if input_ids.shape[1] > len(self.ids):  # the prompt itself
            self.prompt_length, position = before + input_ids.shape[1], 0
            output.logits[:, -1] = 0
            output.logits[:, -1, self.ids[0]] = 9
            return output
        for i in range(input_ids.shape[1]):
            position = before + i + 1 - self.prompt_length
            output.logits[:, i] = 0
            output.logits[:, i, self.ids[min(position, len(self.ids) - 1)]] = 9
        return output


@torch.inference_mode()
def test_a_known_answer_is_parsed_and_scored(tiny_base_model, tiny_samples):
    tokenizer = tiny_base_model.tokenizer()
    model = Parrot(tiny_base_model.load(), response_ids(tokenizer, "[B]"))
    found = answer(model, tokenizer, tiny_samples, tokenize_samples(tokenizer, tiny_samples), batch_tokens=900)
    assert set(found["text"]) == {"[B]"}
    assert set(found["prediction"]) == {1}
    assert set(found["choice"]) == {1}
