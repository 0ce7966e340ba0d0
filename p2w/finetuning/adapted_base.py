"""A base model and the adapters that are trained on it: which tensors they have, and how they start."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from p2w.adapters.layout import AdapterLayout
from p2w.adapters.peft_folder import adapter_config_json, peft_config
from p2w.adapters.peft_layout import placed
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.lora_stack import LoraStack, pairs, scaling
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings

Parameters = dict[str, nn.Parameter]  # of an adapter, by the names they have on disk


class AdaptedBase(NamedTuple):
    """A frozen base model, for one training after the other, and what all adapters of it have in common."""

    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    tensors: dict[str, Tensor]  # of an adapter, on the meta device: names and shapes alone
    adapter_config: dict[str, Any]

    @property
    def layout(self) -> AdapterLayout:
        """Of an adapter."""
        return AdapterLayout.from_tensors(self.tensors)

    def new_adapter(self, seed: int) -> Parameters:
        """A trainable float32 adapter that starts as PEFT's own do: lora_A Kaiming-uniform, lora_B zero."""
        generator, parameters = torch.Generator().manual_seed(seed), {}
        for name, tensor in self.tensors.items():
            start = torch.zeros(tensor.shape)
            if name.endswith(".lora_A.weight"):
                nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator)
            parameters[name] = nn.Parameter(start.to(self.model.device))
        return parameters

    def with_adapter(self, tensors: Mapping[str, Tensor]) -> AbstractContextManager[None]:
        """The model with an adapter, which gradients reach, for the length of the block; it computes in the model's
        precision."""
        factors = {name: (lora_a[None], lora_b[None]) for name, (lora_a, lora_b) in pairs(tensors).items()}
        scale, left_out = scaling(self.adapter_config), self.adapter_config["lora_dropout"]
        return LoraStack.of_factors(self.model, factors, scale, left_out).active()


def load_adapted(base: BaseModel, lora: LoraSettings, device: torch.device | str = "cpu") -> AdaptedBase:
    """The base model on `device`, ready for training."""
    model = load_model(base, device).train()
    tensors, config = placed(model.config, peft_config(lora, base.name, base.revision))
    return AdaptedBase(load_tokenizer(base), model, tensors, adapter_config_json(config))


def keep_less(model: PreTrainedModel) -> None:
    """For less memory: from now on each layer is computed once more for its gradients, and only its input kept."""
    # The older name is deprecated, the newer one not in every version that P2W runs on.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
