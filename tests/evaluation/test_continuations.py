"""One pass over prompts with trees, for several adapters, gives what the plain model gives for one row at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import prompt_ids, response_ids
from p2w.base.lora_stack import LoraStack, adapted
from p2w.evaluation.continuations import Question, adapters_at_once, answer, check_model, tokenize_samples
from tests.support.plain_scoring import END, Ends, Parrot, assert_plain, ignore


def random_adapter(model, rank, seed):
    """LoRA tensors on every projection, large enough to change what the model says."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, module in model.named_modules():
        if name.endswith("_proj"):
            out, size = module.weight.shape
            tensors[f"{name}.lora_A.weight"] = torch.randn(rank, size, generator=generator) * 0.3
            tensors[f"{name}.lora_B.weight"] = torch.randn(out, rank, generator=generator) * 0.3
    return tensors, 0.5


@pytest.fixture(scope="module")
def model(tiny_base_model):
    return load_model(tiny_base_model)


@pytest.fixture(scope="module")
def adapters(model):
    return [({}, 0.0), random_adapter(model, 2, seed=1), random_adapter(model, 3, seed=2)]


def unequal(samples):
    """Rows with different numbers of choices and responses of different lengths share a batch."""
    samples.at[3, "responses"] = ["no", "it is so", "[C]"]
    samples.at[8, "responses"] = ["[A]", "[B]", "[C]", "[D]", "never"]
    samples.at[8, "choices"] = ["", "water", "wine", "milk", "ä"]
    return samples


@pytest.mark.parametrize("batch_tokens", [1, 700, 10**6])
def test_answers_equal_the_plain_computation(tiny_base_model, model, adapters, tiny_samples, batch_tokens):
    tokenizer = load_tokenizer(tiny_base_model)
    samples = unequal(tiny_samples)
    questions = tokenize_samples(tokenizer, samples, option_text=True)
    for question, sample in zip(questions, samples.itertuples(), strict=True):
        assert question.prompt == prompt_ids(tokenizer, sample.system, sample.prompt)
        assert question.responses == [response_ids(tokenizer, response) for response in sample.responses]
        assert tokenizer.batch_decode(question.options) == list(sample.choices)
    answers = answer(model, tokenizer, questions, LoraStack(model, adapters), batch_tokens, ignore)
    assert len(answers) == len(adapters)
    for adapter, of_one in zip(adapters, answers, strict=True):
        with adapted(model, *adapter):
            assert_plain(model, questions, of_one)


def test_no_product_copies_its_weights_for_every_row(tiny_base_model, model, adapters, tiny_samples):
    """A linear layer folds rows into one matrix where they lie in one piece; otherwise each has a copy of the layer."""
    questions = tokenize_samples(load_tokenizer(tiny_base_model), tiny_samples)
    linear = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    apart, used = set(), set()

    def look(name, x):
        used.add(name)
        if not x.is_contiguous():
            apart.add(name)

    handles = [m.register_forward_pre_hook(lambda _, given, name=name: look(name, given[0])) for name, m in linear]
    answer(model, load_tokenizer(tiny_base_model), questions, LoraStack(model, adapters), 700, ignore)
    for handle in handles:
        handle.remove()
    assert apart == set()
    assert used == {name for name, _ in linear}


def test_a_tokenizer_without_a_token_that_fills_up_gives_the_same_answers(tiny_base_model, model, tiny_samples):
    tokenizer, bare = load_tokenizer(tiny_base_model), load_tokenizer(tiny_base_model)
    bare.pad_token = None
    questions = tokenize_samples(tokenizer, unequal(tiny_samples))
    stack = LoraStack(model, [({}, 0.0)])
    found = [answer(model, using, questions, stack, 10**6, ignore) for using in (tokenizer, bare)]
    assert found[0] == found[1]


def test_option_texts_are_taken_only_if_wanted(tiny_base_model, tiny_samples):
    assert all(question.options == [] for question in tokenize_samples(load_tokenizer(tiny_base_model), tiny_samples))


token_lists = st.lists(st.integers(0, 255), min_size=1, max_size=7)
# Few tokens, so that responses share beginnings and one may begin with another.
few_tokens = st.lists(st.integers(0, 3), min_size=0, max_size=4)
question = st.builds(
    lambda prompt, responses, options: Question(prompt, [[*ids, END] for ids in responses], options),
    token_lists,
    st.lists(few_tokens, min_size=1, max_size=5),
    st.lists(few_tokens, max_size=3),
) | st.builds(lambda prompt, most: Question(prompt, [], [], most), token_lists, st.integers(1, 9))


@given(st.lists(question, min_size=1, max_size=5), token_lists | st.just([]), st.integers(1, 200))
@settings(max_examples=25)
def test_any_prompts_and_responses(model, adapters, questions, beginning, batch_tokens):
    questions = [Question(beginning + q.prompt, q.responses, q.options, q.most) for q in questions]
    answers = answer(model, Ends, questions, LoraStack(model, adapters[:2]), batch_tokens, ignore)
    for adapter, of_one in zip(adapters, answers, strict=False):
        with adapted(model, *adapter):
            assert_plain(model, questions, of_one)


SAID = [  # line, what is made of it, calls beyond the first pass: none where the tree knows it all
    ("[B]", "[B]", 0),
    ("[", "[", 0),
    ("", "", 0),
    ("[BA", "[BA", 1),
    ("no", "no", 2),
    ("[Boy", "[Boy", 2),
    ("unlikes", "unlik", 4),
]


@pytest.mark.parametrize(("line", "text", "more_calls"), SAID)
def test_a_known_answer(tiny_base_model, model, tiny_samples, line, text, more_calls):
    tokenizer = load_tokenizer(tiny_base_model)
    questions = tokenize_samples(tokenizer, tiny_samples)
    line_ids = [] if not line else tokenizer(line)["input_ids"]
    parrot = Parrot(model, questions[0].prompt[-1], line_ids)
    [answers] = answer(parrot, tokenizer, questions, LoraStack(model, [({}, 0.0)]), 10**6, ignore)
    assert {tokenizer.decode(found.ids) for found in answers} == {text}
    assert len(parrot.tokens) == 2 + more_calls  # the common beginning, the pass, and what is decoded
    if line == "[B]":
        assert {found.responses.index(max(found.responses)) for found in answers} == {1}


@pytest.mark.parametrize("batch_tokens", [200, 500, 3000])
def test_a_pass_computes_no_more_tokens_than_allowed(tiny_base_model, model, adapters, tiny_samples, batch_tokens):
    tokenizer = load_tokenizer(tiny_base_model)
    questions = tokenize_samples(tokenizer, unequal(tiny_samples), option_text=True)
    at_once = adapters_at_once(questions, batch_tokens)
    assert 1 <= at_once <= max(1, batch_tokens // max(len(q.prompt) for q in questions))
    stack = LoraStack(model, (adapters * 9)[:at_once])
    parrot, counts = Parrot(model, questions[0].prompt[-1], [*b"no"]), []
    answer(parrot, tokenizer, questions, stack, batch_tokens, counts.append)
    assert max(parrot.tokens) <= batch_tokens
    assert sum(counts) == len(stack) * len(questions)


def test_in_bfloat16_too(model, adapters, tiny_base_model, tiny_samples):
    half = load_model(tiny_base_model).bfloat16()
    questions = tokenize_samples(load_tokenizer(tiny_base_model), tiny_samples)
    check_model(half, questions[0])
    answers = answer(half, Ends, questions, LoraStack(half, adapters), 900, ignore)
    exact = answer(model, Ends, questions, LoraStack(model, adapters), 900, ignore)
    for of_one, expected in zip(answers, exact, strict=True):
        for found, right in zip(of_one, expected, strict=True):
            assert found.responses == pytest.approx(right.responses, rel=0.05, abs=0.3)


class Deaf(torch.nn.Module):
    """A model that hears neither mask nor positions."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model, self.config, self.device, self.dtype = model, model.config, model.device, model.dtype

    def forward(self, input_ids, logits_to_keep=0, **_kwargs):
        return self.model(input_ids=input_ids, logits_to_keep=logits_to_keep)


def test_a_model_that_does_not_heed_the_mask_is_refused(model):
    question = Question([7, 8, 9], [[1, 2, END], [3, 4, END]], [])
    check_model(model, question)
    with pytest.raises(ValueError, match=r"Deaf: found log-likelihood .* expected .* as alone"):
        check_model(Deaf(model), question)
