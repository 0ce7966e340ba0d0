"""What a generator makes of prompts that are not the held-out task's: does it read them at all?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from p2w.generators.generating import check_encoder, read_condition, write_generated
from p2w.generators.generator_file import load_generator
from p2w.prompts.states import read_embeddings, read_embeddings_metadata
from p2w.runtime.device import best_device
from p2w.runtime.files import transaction
from p2w.runtime.provenance import RUN_FILE, provenance


def write_prompt_controls(
    generator_path: Path, prompts: Mapping[int, Mapping[str, Path]], seed: int, output: Path
) -> None:
    """Write an adapter for each draw and control into `{output}/{control}/draw_{draw}`, drawn as the method draws.

    `prompts` are by draw and control the embeddings that stand in for the held-out task's; one generator for all.
    """
    generator = load_generator(generator_path, best_device())
    drawn = [(draw, control, path) for draw, by_control in prompts.items() for control, path in by_control.items()]
    with transaction():
        for draw, control, embeddings_path in drawn:
            condition = read_condition(generator, embeddings_path, seed, draw)
            config = {"held_out": generator.metadata["held_out"], "draw": draw, "control": control}
            inputs = [generator_path, embeddings_path]
            record = provenance("prompt_controls", config, inputs, seed)
            choice = {"prompts_of": read_embeddings_metadata(embeddings_path)["task"]}
            records = {RUN_FILE: {**record, "choice": choice}}
            write_generated(generator, generator.weights(condition), output / control / f"draw_{draw}", records)


def write_constant(generator_path: Path, embeddings: Sequence[Path], output: Path) -> None:
    """Write the adapter that the generator makes of no prompt at all, given those of the training tasks."""
    generator = load_generator(generator_path, best_device())
    for path in embeddings:
        check_encoder(generator, path)
    flat = generator.weights_of_no_prompt([read_embeddings(path) for path in embeddings])
    config = {"held_out": generator.metadata["held_out"], "control": "constant"}
    record = provenance("constant", config, [generator_path, *embeddings])
    write_generated(generator, flat, output, {RUN_FILE: record})
