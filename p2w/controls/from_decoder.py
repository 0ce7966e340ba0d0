"""What a decoder makes of prompts that are not the held-out task's: does it read them at all?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from p2w.generators.decoder_file import load_decoder
from p2w.generators.generation import mean_condition
from p2w.generators.held_out import check_encoder, read_condition, write_generated
from p2w.prompts.states import read_embeddings, read_embeddings_metadata
from p2w.runtime.device import best_device
from p2w.runtime.files import transaction
from p2w.runtime.provenance import RUN_FILE, provenance


def write_prompt_controls(decoder_path: Path, prompts: Mapping[str, Path], seed: int, draw: int, output: Path) -> None:
    """Write an adapter for each control into `{output}/{control}/draw_{draw}`, drawn as the method draws.

    `prompts` are by control the embeddings that stand in for the held-out task's; the decoder is loaded once.
    """
    trained = load_decoder(decoder_path, best_device())
    with transaction():
        for control, embeddings_path in prompts.items():
            condition = read_condition(trained, embeddings_path, seed, draw)
            config = {"held_out": trained.metadata["held_out"], "draw": draw, "control": control}
            inputs = [decoder_path, embeddings_path]
            record = provenance("prompt_controls", config, inputs, seed)
            choice = {"prompts_of": read_embeddings_metadata(embeddings_path)["task"]}
            folder = output / control / f"draw_{draw}"
            write_generated(trained, condition, folder, {RUN_FILE: {**record, "choice": choice}})


def write_constant(decoder_path: Path, embeddings: Sequence[Path], output: Path) -> None:
    """Write the adapter of the mean condition over the training tasks: what the decoder makes of no prompt at all."""
    trained = load_decoder(decoder_path, best_device())
    for path in embeddings:
        check_encoder(trained, path)
    condition = mean_condition([read_embeddings(path) for path in embeddings], trained.num_prompts)
    config = {"held_out": trained.metadata["held_out"], "control": "constant"}
    record = provenance("constant", config, [decoder_path, *embeddings])
    device = next(trained.decoder.parameters()).device
    write_generated(trained, condition.to(device), output, {RUN_FILE: record})
