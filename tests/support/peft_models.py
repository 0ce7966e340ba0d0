"""The same in PEFT's own layers, to compare with."""

from peft import inject_adapter_in_model

from p2w.adapters.peft_folder import peft_config
from p2w.adapters.peft_layout import ADAPTER
from p2w.base.base_model import load_model


def peft_model(base, lora):
    """The base model with an adapter inside, as PEFT puts it there."""
    model = load_model(base)
    inject_adapter_in_model(peft_config(lora, base.name, base.revision), model, ADAPTER)
    return model


def trainable(model):
    """The adapter's parameters, by the names they have on disk."""
    return {
        name.replace(f".{ADAPTER}.", "."): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
