"""A pytest plugin: a small GGUF file of a Llama, as llama.cpp would write it, and a package that brings one."""

import hashlib
from pathlib import Path

import gguf
import numpy as np
import pytest

from p2w.config.base_model import BaseModel
from p2w.config.settings import parse

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN, MLP, HEADS, LAYERS = 12, 17, 2, 3


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a model, that fails when its code is run."""
    folder = tmp_path / "site/a_model"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('not installed here')")
    write_gguf(folder / "tiny.gguf")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def spec(path: Path, **changes: str) -> BaseModel:
    """The base model that a file of that package is."""
    given = {"package": "a_model", "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return parse(BaseModel, {**given, **changes})


def write_gguf(
    path: Path,
    architecture: str = "llama",
    template: str | None = TEMPLATE,
    seed: int = 0,
    without: str = "",
    pre: str = "gpt-2",
) -> Path:
    """Write a model of random weights, but for one tensor, whose tokenizer knows all bytes, `th` and two blanks."""
    writer, rng = gguf.GGUFWriter(path, architecture), np.random.default_rng(seed)
    tokens = [*SPECIAL, *_bytes(), "th", "ĠĠ"]
    writer.add_context_length(101)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (len(tokens) - 3))
    writer.add_token_merges(["t h", "Ġ Ġ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if template:
        writer.add_chat_template(template)
    shapes = {name: shape for name, shape in _shapes(len(tokens)).items() if name != without}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(0, 0.3, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    half = HIDDEN // HEADS
    block = {"attn_norm": (HIDDEN,), "attn_q": (HIDDEN, HIDDEN), "attn_k": (half, HIDDEN), "attn_v": (half, HIDDEN),
             "attn_output": (HIDDEN, HIDDEN), "ffn_norm": (HIDDEN,), "ffn_gate": (MLP, HIDDEN),
             "ffn_up": (MLP, HIDDEN), "ffn_down": (HIDDEN, MLP)}  # fmt: skip
    blocks = {f"blk.{i}.{name}": shape for i in range(LAYERS) for name, shape in block.items()}
    return {"token_embd": (vocabulary, HIDDEN), "output_norm": (HIDDEN,), **blocks}


def _bytes() -> list[str]:
    """How byte-level BPE writes the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]
