"""Both ends of the method: train a decoder on every task but one, then turn that one's prompts into adapters."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from p2w.adapters import write_adapter
from p2w.checkpoints import Checkpoints, check_layout, read_checkpoints
from p2w.decoder_training import DecoderConfig, train_decoder
from p2w.device import best_device
from p2w.embeddings import read_embeddings
from p2w.files import write_json, write_text
from p2w.generation import draw_condition, generate
from p2w.progress import reporter
from p2w.provenance import provenance
from p2w.tables import read_metadata
from p2w.trained_decoder import TrainedDecoder, load_decoder, save_decoder
from p2w.weight_tokens import WeightTokens


def train_without(
    held_out: str,
    config: DecoderConfig,
    seed: int,
    checkpoint_paths: Sequence[Path],
    embedding_paths: Sequence[Path],
    output: Path,
) -> None:
    """Train the decoder for a held-out task; write weights, `metrics.csv` and `run.json`.

    Raises:
        ValueError: the held-out task among the training tasks, or adapters of different layouts; names the files' task.
    """
    device = best_device()
    checkpoints = [read_checkpoints(path) for path in checkpoint_paths]
    first = _check_tasks(held_out, checkpoints)
    prompts = {read_metadata(path)["task"]: read_embeddings(path, device) for path in embedding_paths}
    spec = WeightTokens(first.layout, width=config.token_width, scales=config.scales)
    weights = {table.task: table.weights for table in checkpoints}
    report = reporter(f"steps without {held_out}")
    decoder, metrics = train_decoder(config, spec, prompts, weights, seed, device, report)
    inputs = [*checkpoint_paths, *embedding_paths]
    record = provenance("workflow/scripts/decoder.py", {"held_out": held_out, **asdict(config)}, inputs, seed)
    metadata = {
        "held_out": held_out,
        "training_tasks": sorted(weights),
        "adapter_config": first.adapter_config,
        "encoder": read_metadata(embedding_paths[0])["encoder"],
        "provenance": record,
    }
    write_text(output.with_name("metrics.csv"), pd.DataFrame(metrics).to_csv(index=False, float_format="%.6g"))
    write_json(output.with_name("run.json"), metadata)
    save_decoder(output, TrainedDecoder(decoder.cpu(), spec, metadata))


def _check_tasks(held_out: str, checkpoints: Sequence[Checkpoints]) -> Checkpoints:
    first = checkpoints[0]
    for table in checkpoints:
        if table.task == held_out:
            raise ValueError(f"found checkpoints of the held-out task {held_out!r}, expected training tasks only")
        check_layout(f"checkpoints of {table.task}", table.layout, first.layout)
    return first


def generate_adapter(decoder_path: Path, embeddings_path: Path, seed: int, draw: int, output: Path) -> None:
    """Write the adapter that a decoder makes of one draw of prompts, in PEFT's format, with `run.json`.

    Raises:
        ValueError: prompts of another task than the decoder's held-out one, or from another encoder.
    """
    trained = load_decoder(decoder_path, best_device())
    held_out, found = trained.metadata["held_out"], read_metadata(embeddings_path)["task"]
    if found != held_out:
        raise ValueError(f"{embeddings_path}: task: found {found!r}, expected {held_out!r}")
    condition = read_condition(trained, embeddings_path, seed, draw)
    config = {"held_out": held_out, "draw": draw}
    record = provenance("workflow/scripts/generate.py", config, [decoder_path, embeddings_path], seed)
    write_generated(trained, condition, output.parent, {"run.json": record})


def read_condition(trained: TrainedDecoder, embeddings_path: Path, seed: int, draw: int) -> Tensor:
    """One draw of the prompts in a file, on the decoder's device; ValueError when another encoder made them."""
    check_encoder(trained, embeddings_path)
    device = next(trained.decoder.parameters()).device
    return draw_condition(read_embeddings(embeddings_path, device), trained.num_prompts, seed, draw, device)


def check_encoder(trained: TrainedDecoder, embeddings_path: Path) -> None:
    """ValueError unless the encoder is the one whose states the decoder was trained on."""
    found, expected = read_metadata(embeddings_path)["encoder"], trained.metadata["encoder"]
    if found != expected:
        raise ValueError(f"{embeddings_path}: encoder: found {found!r}, expected {expected!r}")


def write_generated(trained: TrainedDecoder, condition: Tensor, folder: Path, records: Mapping[str, Any]) -> None:
    """Write the adapter that a decoder makes of a condition (N, L, C)."""
    tensors = trained.spec.layout.unflatten(generate(trained.decoder, trained.spec, condition))
    write_adapter(folder, tensors, trained.metadata["adapter_config"], records)
