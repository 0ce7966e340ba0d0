"""Likelihoods of answers under adapters by lm-evaluation-harness, beside P2W's evaluation of all adapters together."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from lm_eval.models.huggingface import HFLM
from peer import Peer
from peer_trainer import LORA
from peft import get_peft_model, set_peft_model_state_dict

from p2w.adapters.peft_folder import peft_config
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.lora_stack import LoraStack
from p2w.config.base_model import BaseModel
from p2w.evaluation.continuations import Question, answer, tokenize_samples
from p2w.finetuning.adapted_base import load_adapted

SIZE = 0.02  # standard deviation of the adapters' values
HARNESS_BATCH = 16
BATCH_TOKENS = 4096


def adapters(base: BaseModel, count: int) -> tuple[dict[str, Any], list[dict[str, torch.Tensor]]]:
    """Their config; and random ones, the same at every run."""
    adapted = load_adapted(base, LORA)
    drawn = [torch.Generator().manual_seed(seed) for seed in range(count)]
    shapes = {name: parameter.shape for name, parameter in adapted.tensors.items()}
    made = [{name: torch.randn(shape, generator=g) * SIZE for name, shape in shapes.items()} for g in drawn]
    return adapted.adapter_config, made


def by_harness(harness: HFLM, model: Any, names: Sequence[str], questions: Sequence[Question]) -> list[float]:
    """Likelihoods of all responses, one adapter after the other; the harness scores no end of a turn."""
    requests = [(("", ""), question.prompt, ids[:-1]) for question in questions for ids in question.responses]
    found = []
    for name in names:
        model.set_adapter(name)
        found += [score for score, _ in harness._loglikelihood_tokens(requests, disable_tqdm=True)]
    return found


def scoring(base: BaseModel, samples: pd.DataFrame, args: argparse.Namespace) -> Peer:
    """One adapter and several, together as P2W scores them, greedy answers included, which the harness leaves out."""
    tokenizer, (_, made) = load_tokenizer(base), adapters(base, args.adapters)
    questions = tokenize_samples(tokenizer, samples.head(args.scored))
    plain, theirs = load_model(base), get_peft_model(load_model(base), peft_config(LORA, base.name, None), "0")
    for number, tensors in enumerate(made):
        if number:
            theirs.add_adapter(str(number), peft_config(LORA, base.name, None))
        named = {f"base_model.model.{name}": tensor for name, tensor in tensors.items()}
        set_peft_model_state_dict(theirs, named, adapter_name=str(number))
    harness = HFLM(pretrained=theirs.eval(), tokenizer=tokenizer, batch_size=HARNESS_BATCH)

    def ours(count: int) -> list[float]:
        stack = LoraStack(plain, [(tensors, LORA.alpha / LORA.rank) for tensors in made[:count]])
        answers = answer(plain, tokenizer, questions, stack, BATCH_TOKENS, lambda *_: None)
        return [score for by in answers for one in by for score in one.without_end]

    def peer(count: int) -> list[float]:
        return by_harness(harness, theirs, [str(number) for number in range(count)], questions)

    ways = {
        f"{name}_{count}": lambda way=way, count=count: way(count)
        for count in (1, args.adapters)
        for name, way in (("harness", peer), ("ours", ours))
    }

    def compare(found: Mapping[str, Any]) -> dict[str, Any]:
        pairs = zip(found[f"ours_{args.adapters}"], found[f"harness_{args.adapters}"], strict=True)
        return {"largest_difference_of_likelihoods": max(abs(one - other) for one, other in pairs)}

    many = (f"ours_{args.adapters}", f"harness_{args.adapters}")
    claims = [
        ("one adapter scored, against lm-evaluation-harness", ("ours_1", "harness_1"), 2, 1),
        (f"{args.adapters} adapters scored, against the same", many, 2, 1),
    ]
    return Peer(ways, claims, compare, warm_up=False)
