"""One question to a base model and to the adapted one."""

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import prompt_ids
from p2w.config.base_model import BaseModel
from p2w.using.adapter import Adapter


def system_of(adapter: Adapter) -> str:
    """The system prompt that goes with an adapter: that of the nearest training task, or none."""
    return adapter.record.get("system", "")


def ask(adapter: Adapter, base: BaseModel, question: str, system: str, max_new_tokens: int) -> tuple[str, str]:
    """The greedy answers of the base model and of the adapted one, up to the end of the turn."""
    tokenizer, model = load_tokenizer(base), load_model(base)
    plain = greedy(model, tokenizer, question, system, max_new_tokens)
    return plain, greedy(adapter.apply(model), tokenizer, question, system, max_new_tokens)


@torch.no_grad()
def greedy(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, question: str, system: str, max_new_tokens: int
) -> str:
    """The greedy answer of one model."""
    ids = torch.tensor([prompt_ids(tokenizer, system, question)], device=model.device)
    end = tokenizer.eos_token_id
    how = GenerationConfig(do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=end, pad_token_id=end)
    found = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=how)
    return tokenizer.decode(found[0, ids.shape[1] :], skip_special_tokens=True)
