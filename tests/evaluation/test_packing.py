"""Trees of continuations, and masks that models of several architectures take."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from p2w.base.lora_stack import LoraStack
from p2w.evaluation.continuations import Question, answer, check_model
from p2w.evaluation.packing import Tree, attention_mask, pack
from tests.support.plain_scoring import END, Ends, assert_plain, ignore

SIZES = {
    "vocab_size": 258,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.2,
    "pad_token_id": 257,
    "eos_token_id": 256,
    "bos_token_id": None,
}
SLIDING = ["sliding_attention", "full_attention"]
CONFIGS = {
    "llama": LlamaConfig(**SIZES),
    "gemma": GemmaConfig(**SIZES),
    "gemma2, alternating windows": Gemma2Config(**SIZES, sliding_window=4, attn_implementation="eager"),
    "gemma3, alternating windows": Gemma3TextConfig(**SIZES, sliding_window=4, layer_types=SLIDING),
    "mistral, a window everywhere": MistralConfig(**SIZES, sliding_window=4),
    "qwen3": Qwen3Config(**SIZES),
    "qwen2, eager": Qwen2Config(**SIZES, attn_implementation="eager"),
}
TREE = Tree([[5, 6, END], [5, 7, 8, END], [9], [5, 6, 6, END], []])


def build(config):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("name", CONFIGS)
def test_architectures_and_attention_windows(name):
    model = build(CONFIGS[name])
    responses = [[1, 2, END], [1, 3, 3, END], [4, END]]
    prompts = [[10, 11, 12, *range(20, 20 + length)] for length in (9, 1, 4)]
    questions = [Question(prompt, responses[: 2 + len(prompt) % 2], [[1, 3]]) for prompt in prompts]
    check_model(model, questions[0])
    for batch_tokens in (1, 1000):
        [answers] = answer(model, Ends, questions, LoraStack(model, [({}, 0.0)]), batch_tokens, ignore)
        assert_plain(model, questions, answers)


def test_shared_beginnings_are_nodes_once():
    assert (TREE.nodes, TREE.tokens) == (5, [5, 6, 7, 8, 6])
    assert TREE.ways == [[1], [1, 2], [1, 3], [1, 3, 4], [1, 2, 5]]
    assert [TREE.path(ids) for ids in TREE.continuations] == [[0, 1, 2], [0, 1, 3, 4], [0], [0, 1, 2, 5], []]


def test_following_the_most_likely_tokens():
    assert TREE.follow([5, 6, END, 0, 0, 0]) == ([5, 6, END], [1, 2])
    assert TREE.follow([5, 7, 0, 6, 0, 0]) == ([5, 7, 6], [1, 3])
    assert TREE.follow([9, 6, END, 0, 0, 0]) == ([9], [])


def test_packed_tokens_see_their_own_past_at_their_own_positions():
    packed = pack([[1, 2, 3, 4], [1, 2, 9]], [Tree([[5, 6, 0], [7, 0]]), Tree([[8, 0]])], prefix=2, pad_id=99)
    assert packed.ids.tolist() == [[3, 4, 5, 6, 7], [99, 9, 8, 99, 99]]
    assert packed.positions[0].tolist() == [0, 1, 2, 3, 4, 5, 4]
    assert packed.positions[1, [0, 1, 3, 4]].tolist() == [0, 1, 2, 3]
    rows = ["1110000", "1111000", "1111100", "1111110", "1111001"]
    assert packed.visible[0].int().tolist() == [[int(sign) for sign in row] for row in rows]
    assert packed.visible[1, [1, 2]].int().tolist() == [[1, 1, 0, 1, 0, 0, 0], [1, 1, 0, 1, 1, 0, 0]]
    assert packed.visible.any(2).all()
    assert torch.equal(packed.prompt_visible[0], packed.visible[0, 1])
    assert packed.column(1) == 4


REFUSED = [
    (Qwen2Config(**SIZES, attn_implementation="flash_attention_2"), "attention: found 'flash_attention_2'"),
    (Qwen2Config(**SIZES, layer_types=["full_attention", "chunked_attention"], attn_implementation="sdpa"), "chunked"),
]


@pytest.mark.parametrize(("config", "message"), REFUSED)
def test_attention_that_takes_no_such_mask_is_refused(config, message):
    visible, positions = torch.ones(1, 2, 2, dtype=torch.bool), torch.arange(2)[None]
    with pytest.raises(ValueError, match=message):
        attention_mask(config, visible, positions, positions, torch.float32)
