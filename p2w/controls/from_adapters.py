"""Adapters that no generator made, for comparison: the average of the training adapters, the nearest task's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from p2w.adapters.peft_folder import WEIGHTS_FILE, read_adapter, write_adapter
from p2w.prompts.states import read_embeddings
from p2w.runtime.provenance import RUN_FILE, provenance

CONTROLS = ("weight_average", "nearest_prompts")


def weight_average(folders: Mapping[str, Path]) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Element-wise mean of lora_A and of lora_B over the adapters of all training tasks.

    Returns:
        Tensors, adapter configuration, and what to record about the choice made.
    """
    loaded = {task: read_adapter(folder) for task, folder in sorted(folders.items())}
    first, (reference, config) = next(iter(loaded.items()))
    for task, (tensors, _) in loaded.items():
        if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in reference.items()}:
            raise ValueError(f"adapters of {first!r} and {task!r} differ in names or shapes, expected the same layout")
    mean = {name: torch.stack([t[name].float() for t, _ in loaded.values()]).mean(0) for name in reference}
    return mean, config, {"tasks": list(loaded)}


def nearest_prompts(
    folders: Mapping[str, Path], embeddings: Mapping[str, Path], target: Path
) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """The adapter of the training task whose mean prompt embedding is nearest to the held-out task's (cosine).

    Returns:
        Tensors, adapter configuration, and what to record about the choice made: the task and all similarities.
    """
    centre = read_embeddings(target).mean()
    similarities = {
        task: float(cosine_similarity(read_embeddings(embeddings[task]).mean(), centre, dim=0))
        for task in sorted(folders)
    }
    nearest = max(similarities, key=lambda task: similarities[task])
    tensors, config = read_adapter(folders[nearest])
    return tensors, config, {"task": nearest, "similarities": similarities}


def write_control(
    control: str, adapters: Mapping[str, Path], embeddings: Mapping[str, Path], target: Path | None, output: Path
) -> None:
    """Write one of `CONTROLS` as an adapter folder; `run.json` says what it was made from.

    `nearest_prompts` reads `embeddings` and `target`; ValueError without the latter.
    """
    if control == "weight_average":
        tensors, config, choice = weight_average(adapters)
        read = []
    elif target is None:
        raise ValueError(f"{control}: found no prompts of the held-out task, expected them (--target)")
    else:
        tensors, config, choice = nearest_prompts(adapters, embeddings, target)
        read = [*embeddings.values(), target]
    inputs = [*read, *(folder / WEIGHTS_FILE for folder in adapters.values())]
    record = provenance("control", {"control": control}, inputs)
    write_adapter(output, tensors, config, {RUN_FILE: {**record, "choice": choice}})
