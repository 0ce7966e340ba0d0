"""Adapters onto a model by PEFT, beside P2W's way; an adapter from prompts, beside a step of fine-tuning one."""

import argparse
from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch
from peer import Peer
from peer_harness import adapters
from peer_trainer import LORA
from peft import PeftModel

from p2w import Generator
from p2w.adapters.peft_folder import read_adapter, write_adapter
from p2w.base.base_model import load_model
from p2w.base.lora_stack import LoraStack, scaling
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.finetuning.training import Training

PROMPTS = 20
STEPS = 96  # of fine-tuning an adapter: 512 samples in batches of 16, three times


def loading(base: BaseModel, _samples: pd.DataFrame, args: argparse.Namespace) -> Peer:
    """Several adapters from their folders, ready to be used; P2W reads their hashes, too."""
    config, made = adapters(base, args.adapters)
    folders = [args.place / str(number) for number in range(args.adapters)]
    for folder, tensors in zip(folders, made, strict=True):
        write_adapter(folder, tensors, config)
    plain, fresh = load_model(base), [load_model(base) for _ in range(args.runs)]  # PEFT changes the model

    def ours() -> LoraStack:
        return LoraStack(plain, [(tensors, scaling(own)) for tensors, own in map(read_adapter, folders)])

    def theirs() -> PeftModel:
        model = PeftModel.from_pretrained(fresh.pop(), str(folders[0]), adapter_name="0")
        for number, folder in enumerate(folders[1:], 1):
            model.load_adapter(str(folder), str(number))
        return model

    @torch.inference_mode()
    def compare(found: Mapping[str, Any]) -> dict[str, Any]:
        ids, last = torch.arange(7)[None], len(folders) - 1
        found["loaded_by_peft"].set_adapter(str(last))
        with found["loaded"].active([last]):
            difference = plain(input_ids=ids).logits - found["loaded_by_peft"](input_ids=ids).logits
        return {"largest_difference_of_loaded": difference.abs().max().item()}

    claims = [(f"{args.adapters} adapters loaded, against PEFT", ("loaded", "loaded_by_peft"), 1, args.adapters)]
    return Peer({"loaded_by_peft": theirs, "loaded": ours}, claims, compare, warm_up=False)


def generating(base: BaseModel, samples: pd.DataFrame, args: argparse.Namespace) -> Peer:
    """By the generator that comes with P2W for this model, loaded as the model of the fine-tuning is."""
    generator, prompts = Generator.from_pretrained(args.model), samples["prompt"].tolist()[:PROMPTS]
    config = FinetuneConfig(max_samples=args.batch, batch_size=args.batch, learning_rate=1e-3)
    training = Training(base, LORA, config, 0, "peers", samples)
    ways = {"step": lambda: training.run_epoch(1).losses, "generated": lambda: generator.generate(prompts)}
    text = f"an adapter from {len(prompts)} prompts, against one of the {STEPS} steps of fine-tuning one"
    return Peer(ways, [(text, ("generated", "step"), 100 / STEPS, 1)], lambda _: {})
