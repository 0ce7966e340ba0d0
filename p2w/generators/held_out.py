"""The decoder of a held-out task, or of a group of them: trained without it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.decoder_file import TrainedDecoder, save_decoder
from p2w.generators.hyperconv import HyperConvDecoder
from p2w.generators.training import train_decoder
from p2w.generators.training_tasks import noted, training_inputs
from p2w.prompts.states import read_embeddings
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
    checkpoints, headers, encoder = training_inputs(held_out, checkpoint_paths, embedding_paths)
    spec = WeightTokens(checkpoints.layout, width=config.token_width, scales=config.scales)
    inputs = [*checkpoint_paths, *embedding_paths]
    record = provenance("decoder", {"held_out": list(held_out), **config.to_json()}, inputs, seed)
    metadata = noted(held_out, checkpoints, checkpoints.adapter_config, encoder, record)
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
