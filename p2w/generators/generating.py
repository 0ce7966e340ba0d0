"""From the prompts of a held-out task to an adapter, with a generator of any kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from p2w.adapters.peft_folder import write_adapter
from p2w.generators.contract import Generator
from p2w.generators.generation import draw_condition
from p2w.generators.generator_file import load_generator
from p2w.prompts.states import read_embeddings, read_embeddings_metadata
from p2w.runtime.device import best_device
from p2w.runtime.files import transaction
from p2w.runtime.provenance import RUN_FILE, provenance


def generate_adapters(generator_path: Path, embeddings_path: Path, seed: int, outputs: Mapping[int, Path]) -> None:
    """Write the adapters that a generator makes of draws of a held-out task's prompts, by draw, each with `run.json`.

    All of them appear or none. ValueError when the prompts are a task's that was not held out from it, or from another
    encoder.
    """
    generator = load_generator(generator_path, best_device())
    held_out, found = generator.metadata["held_out"], read_embeddings_metadata(embeddings_path)["task"]
    if found not in held_out:
        raise ValueError(f"{embeddings_path}: task: found {found!r}, expected {' or '.join(map(repr, held_out))}")
    record = provenance("generate", {"held_out": found}, [generator_path, embeddings_path], seed)
    with transaction():
        for draw, output in outputs.items():
            flat = generator.weights(read_condition(generator, embeddings_path, seed, draw))
            own = {**record, "config": {**record["config"], "draw": draw}}
            write_generated(generator, flat, output.parent, {RUN_FILE: own})


def read_condition(generator: Generator, embeddings_path: Path, seed: int, draw: int) -> Tensor:
    """One draw of the prompts in a file, on the generator's device; ValueError when another encoder made them."""
    check_encoder(generator, embeddings_path)
    prompts = read_embeddings(embeddings_path, generator.device)
    if len(prompts) < generator.num_prompts:
        raise ValueError(f"{embeddings_path}: found {len(prompts)} prompts, expected {generator.num_prompts} or more")
    return draw_condition(prompts, generator.num_prompts, seed, draw, generator.device)


def check_encoder(generator: Generator, embeddings_path: Path) -> None:
    """ValueError unless the encoder is the one whose states the generator was trained on."""
    found, expected = read_embeddings_metadata(embeddings_path)["encoder"], generator.metadata["encoder"]
    if found != expected:
        raise ValueError(f"{embeddings_path}: encoder: found {found!r}, expected {expected!r}")


def write_generated(generator: Generator, flat: Tensor, folder: Path, records: Mapping[str, Any]) -> None:
    """Write flat weights (size,) that a generator made as an adapter."""
    write_adapter(folder, generator.layout.unflatten(flat), generator.metadata["adapter_config"], records)
