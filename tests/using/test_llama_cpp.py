"""llama.cpp itself loads an adapter that `p2w gguf` wrote beside a GGUF base model, and says what P2W says."""

from pathlib import Path

import pytest
import torch

from p2w.adapters.peft_folder import write_adapter
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.lora_stack import Adapter as Weights
from p2w.base.lora_stack import LoraStack
from p2w.base.package_model import find_file, write_package_model
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings
from p2w.config.yaml_files import read_yaml
from p2w.finetuning.adapted_base import load_adapted
from p2w.using.adapter import Adapter
from p2w.using.asking import BASE, weights_of
from p2w.using.gguf_adapter import write_gguf_adapter

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]

SMOLLM2 = BaseModel(**read_yaml(Path("config/experiments/smollm2_pocket.yaml"))["base_model"])
PROMPTS = ("The capital of France is", "Once upon a time there was a", "Two and two make")
LIKELIEST = 20


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """SmolLM2 as P2W reads it: its four-bit weights in float32."""
    folder = tmp_path_factory.mktemp("smollm2")
    write_package_model(SMOLLM2, folder)
    return BaseModel(path=str(folder), dtype="float32")


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    """A random one, which changes what the model says."""
    adapted = load_adapted(base, LoraSettings(rank=4, alpha=8))
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(p.shape, generator=generator) * 0.04 for name, p in adapted.tensors.items()}
    folder = tmp_path_factory.mktemp("adapter") / "mine"
    write_adapter(folder, tensors, adapted.adapter_config)
    return Adapter.from_pretrained(folder)


@torch.no_grad()
def ours(base, weights: Weights) -> list[dict[int, float]]:
    """Log-likelihoods of the next token after each prompt, by token."""
    model, tokenizer, found = load_model(base), load_tokenizer(base), []
    with LoraStack(model, [weights]).active():
        for prompt in PROMPTS:
            ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
            found.append(dict(enumerate(model(torch.tensor([ids])).logits[0, -1].log_softmax(-1).tolist())))
    return found


def theirs(base, lora: Path | None) -> list[dict[int, float]]:
    """The same of llama.cpp's likeliest tokens, by the four-bit file itself."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_gpu_layers = str(find_file(SMOLLM2)), 256, 0
    settings.cpuparams.n_threads = 1
    if lora:
        loaded = xllamacpp.CommonAdapterLoraInfo()
        loaded.path, loaded.scale = str(lora), 1.0
        settings.lora_adapters = [loaded]
    server, tokenizer, found = xllamacpp.Server(settings), load_tokenizer(base), []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        answer = server.handle_completions({"prompt": ids, "n_predict": 1, "n_probs": LIKELIEST, "temperature": 0.0})
        (token,) = answer["choices"][0]["logprobs"]["content"]
        found.append({entry["id"]: entry["logprob"] for entry in token["top_logprobs"]})
    return found


def apart(found, expected):
    """Mean distance of their log-likelihoods."""
    pairs = [(ours[token], score) for ours, by in zip(expected, found, strict=True) for token, score in by.items()]
    assert len(pairs) == LIKELIEST * len(PROMPTS)
    return sum(abs(one - other) for one, other in pairs) / len(pairs)


def test_llama_cpp_says_what_p2w_says_with_the_adapter_and_without(base, adapter, tmp_path):
    write_gguf_adapter(adapter, base, tmp_path / "mine.gguf")
    plain, adapted = ours(base, BASE), ours(base, weights_of(adapter))
    alone, together = theirs(base, None), theirs(base, tmp_path / "mine.gguf")
    rounding = apart(alone, plain)  # of activations to eight bits, which only llama.cpp does
    assert rounding < 0.2
    assert apart(together, adapted) < 2 * rounding
    assert apart(together, plain) > 4 * rounding
    assert apart(alone, adapted) > 4 * rounding
