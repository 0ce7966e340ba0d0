"""Both ends of the method: train a decoder without a task, or a group of them; turn its prompts into adapters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from p2w.adapters.checkpoints import CheckpointFiles
from p2w.adapters.peft_folder import write_adapter
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.decoder_file import TrainedDecoder, load_decoder, save_decoder
from p2w.generators.generation import draw_condition, generate
from p2w.generators.hyperconv import HyperConvDecoder
from p2w.generators.training import train_decoder
from p2w.prompts.states import read_embeddings, read_embeddings_metadata
from p2w.runtime.device import best_device
from p2w.runtime.files import transaction, write_text
from p2w.runtime.processes import joined
from p2w.runtime.progress import reporter, silent
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.runtime.resume import SavedState
from p2w.runtime.seals import write_record


def train_without(
    held_out: Sequence[str],
    config: DecoderConfig,
    seed: int,
    checkpoint_paths: Sequence[Path],
    embedding_paths: Sequence[Path],
    output: Path,
    state: Path | None = None,
) -> None:
    """Train the decoder for one or more held-out tasks; write weights, `metrics.csv` and `run.json`.

    Started by torchrun, its processes train together and the first one writes. The file `state` is what the same call
    goes on from after an interruption. Raises ValueError: checkpoints or prompts of a held-out task, or adapters of
    different layouts; names the task.
    """
    checkpoints = CheckpointFiles(checkpoint_paths)
    headers = {path: read_embeddings_metadata(path) for path in embedding_paths}
    for kind, tasks in (("checkpoints", set(checkpoints)), ("prompts", {found["task"] for found in headers.values()})):
        if seen := sorted(tasks & set(held_out)):
            raise ValueError(f"found {kind} of the held-out task {seen[0]!r}, expected training tasks only")
    encoders = {path: found["encoder"] for path, found in headers.items()}
    encoder = encoders[embedding_paths[0]]
    for path, found in encoders.items():
        if found != encoder:
            raise ValueError(f"{path}: encoder: found {found!r}, expected {encoder!r} as in {embedding_paths[0]}")
    spec = WeightTokens(checkpoints.layout, width=config.token_width, scales=config.scales)
    inputs = [*checkpoint_paths, *embedding_paths]
    record = provenance("decoder", {"held_out": list(held_out), **config.to_json()}, inputs, seed)
    metadata = {
        "held_out": list(held_out),
        "training_tasks": sorted(checkpoints),
        "adapter_config": checkpoints.adapter_config,
        "encoder": encoder,
        "provenance": record,
    }
    with joined(best_device()) as (processes, device):
        prompts = {found["task"]: read_embeddings(path, device) for path, found in headers.items()}
        report = reporter(f"steps without {', '.join(held_out)}") if processes.rank == 0 else silent
        with SavedState(state, {**record, "device": device.type}, processes) as saved:
            trained = train_decoder(config, spec, prompts, checkpoints, seed, device, report, processes, saved)
            if processes.rank == 0:
                _write_trained(output, spec, metadata, *trained)


def _write_trained(
    output: Path,
    spec: WeightTokens,
    metadata: dict[str, Any],
    decoder: HyperConvDecoder,
    metrics: Sequence[Mapping[str, float]],
) -> None:
    with transaction():
        write_text(output.with_name("metrics.csv"), pd.DataFrame(metrics).to_csv(index=False, float_format="%.6g"))
        write_record(output.with_name(RUN_FILE), metadata)
        save_decoder(output, TrainedDecoder(decoder.cpu(), spec, metadata))


def generate_adapter(decoder_path: Path, embeddings_path: Path, seed: int, draw: int, output: Path) -> None:
    """Write the adapter that a decoder makes of one draw of a held-out task's prompts, with `run.json`.

    ValueError when they are a task's that was not held out from it, or from another encoder.
    """
    trained = load_decoder(decoder_path, best_device())
    held_out, found = trained.metadata["held_out"], read_embeddings_metadata(embeddings_path)["task"]
    if found not in held_out:
        raise ValueError(f"{embeddings_path}: task: found {found!r}, expected {' or '.join(map(repr, held_out))}")
    condition = read_condition(trained, embeddings_path, seed, draw)
    config = {"held_out": found, "draw": draw}
    record = provenance("generate", config, [decoder_path, embeddings_path], seed)
    write_generated(trained, condition, output.parent, {RUN_FILE: record})


def read_condition(trained: TrainedDecoder, embeddings_path: Path, seed: int, draw: int) -> Tensor:
    """One draw of the prompts in a file, on the decoder's device; ValueError when another encoder made them."""
    check_encoder(trained, embeddings_path)
    device = next(trained.decoder.parameters()).device
    prompts = read_embeddings(embeddings_path, device)
    if len(prompts) < trained.num_prompts:
        raise ValueError(f"{embeddings_path}: found {len(prompts)} prompts, expected {trained.num_prompts} or more")
    return draw_condition(prompts, trained.num_prompts, seed, draw, device)


def check_encoder(trained: TrainedDecoder, embeddings_path: Path) -> None:
    """ValueError unless the encoder is the one whose states the decoder was trained on."""
    found, expected = read_embeddings_metadata(embeddings_path)["encoder"], trained.metadata["encoder"]
    if found != expected:
        raise ValueError(f"{embeddings_path}: encoder: found {found!r}, expected {expected!r}")


def write_generated(trained: TrainedDecoder, condition: Tensor, folder: Path, records: Mapping[str, Any]) -> None:
    """Write the adapter that a decoder makes of a condition (N, L, C)."""
    tensors = trained.spec.layout.unflatten(generate(trained.decoder, trained.spec, condition))
    write_adapter(folder, tensors, trained.metadata["adapter_config"], records)
