"""Fixtures that any test may use: a tiny random base model with a byte-level ChatML tokenizer, and samples for it."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from p2w.config.base_model import BaseModel
from tests.support.toy_samples import toy_samples

PLUGINS = ("bad_world", "finished", "held_out_world", "generator_folders", "gguf_files", "slurm_cluster", "browser",
           "tally")  # fmt: skip
pytest_plugins = [f"tests.support.{name}" for name in PLUGINS]

sys.path.append(f"{sys.prefix}/eight-bit")  # torchao, where transformers has been imported without it

torch.set_num_threads(1)  # models this small lose more to waiting for a second thread than they gain

# A busy machine is slow, not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With pytest-xdist, groups of slow tests start first, SLURM before all: short tests fill the time beside them."""

    def turn(item: pytest.Item) -> int:
        group = item.get_closest_marker("xdist_group")
        return 2 if group is None else int(group.args != ("slurm",))

    items.sort(key=turn)


@pytest.fixture(autouse=True)
def denormals() -> None:
    """Denormal numbers are numbers again, whatever stage the test before ran: hypothesis counts on them."""
    torch.set_flush_denormal(False)


CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte, and the special tokens of ChatML."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: i for i, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
    )


@pytest.fixture(scope="session")
def tiny_base_model(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    """A random Qwen2 of 2 layers, hidden 48, in a folder; tokenizes any text."""
    folder: Path = tmp_path_factory.mktemp("tiny_base_model")
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.1,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Qwen2ForCausalLM(config).save_pretrained(folder)
    return BaseModel(path=str(folder))


@pytest.fixture
def tiny_samples() -> pd.DataFrame:
    """22 labelled samples of unequal length, in the columns that `render_samples` makes."""
    return toy_samples()
