"""A generator that is trained by what its adapters do, for a held-out task or a group of them: without it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from p2w.adapters.checkpoints import CheckpointFiles
from p2w.base.base_model import check_base_model
from p2w.config.base_model import BaseModel
from p2w.config.decoder import DecoderConfig
from p2w.config.generator import GeneratorConfig
from p2w.finetuning.batches import Encoded
from p2w.generators.adapter_losses import delta_loss, weights_loss
from p2w.generators.adapter_training import AdapterTraining, Losses
from p2w.generators.learners import Given, begin, write_learned
from p2w.generators.task_loss import TaskLoss, encode_tasks
from p2w.generators.training_tasks import noted, training_inputs
from p2w.prompts.states import read_embeddings
from p2w.runtime.device import best_device
from p2w.runtime.files import transaction, write_text
from p2w.runtime.progress import reporter
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.runtime.resume import SavedState
from p2w.runtime.seals import write_record

STAGE = "learned_generator"


def learn_without(
    held_out: Sequence[str],
    config: GeneratorConfig,
    base: BaseModel,
    num_prompts: int,
    max_length: int,
    seed: int,
    checkpoint_paths: Sequence[Path],
    embedding_paths: Sequence[Path],
    sample_paths: Mapping[str, Path],
    output: Path,
    state: Path | None = None,
    decoder: DecoderConfig | None = None,
) -> None:
    """Train the generator for one or more held-out tasks; write it, `metrics.csv` and `run.json`.

    `sample_paths` are the labelled samples of the training tasks by name, of at most `max_length` tokens each. The file
    `state` is what the same call goes on from after an interruption; `decoder` are the settings of one, for a kind that
    is one. Raises ValueError: what `training_inputs`, `centroids_of`, `training_rows` and `encode_samples` do; samples
    of other tasks; adapters of another base model. FloatingPointError: a loss, gradient or weight that is not finite.
    """
    checkpoints, headers, encoder = training_inputs(held_out, checkpoint_paths, embedding_paths)
    if set(sample_paths) != set(checkpoints):
        raise ValueError(f"samples: found those of {sorted(sample_paths)}, expected {sorted(checkpoints)}")
    check_base_model(checkpoint_paths[0], checkpoints.adapter_config, base)
    parts = {"held_out": list(held_out), "num_prompts": num_prompts, "max_length": max_length}
    settings = {**parts, "base_model": base.to_json(), **config.to_json()}
    if decoder:
        settings["decoder"] = decoder.to_json()
    inputs = [*checkpoint_paths, *embedding_paths, *sample_paths.values()]
    record, device = provenance(STAGE, settings, inputs, seed), best_device()
    prompts = {found["task"]: read_embeddings(path) for path, found in headers.items()}
    adapters = checkpoints.means()
    learner = begin(Given(config, decoder, prompts, adapters, checkpoints.layout), seed).to(device)
    encoded = encode_tasks(base, sample_paths, config.max_samples, max_length, seed)
    losses = _losses(config, base, checkpoints, {task: own.to(device) for task, own in adapters.items()}, encoded)
    counts = {task: len(found) for task, found in encoded.items()}
    training = AdapterTraining(config, learner, prompts, counts, losses, num_prompts, seed)
    with SavedState(state, {**record, "device": device.type}) as saved:
        metrics = training.run(reporter(f"steps without {', '.join(held_out)}"), saved)
        metadata = noted(held_out, checkpoints, checkpoints.adapter_config, encoder, record)
        _write(output, metrics, metadata, learner.fitted(num_prompts, metadata))


def _losses(
    config: GeneratorConfig,
    base: BaseModel,
    checkpoints: CheckpointFiles,
    targets: Mapping[str, Tensor],
    encoded: Mapping[str, Encoded],
) -> Losses:
    """What the configuration says that adapters are judged by, `targets` (size,) being the tasks' own."""
    begin = weights_loss(targets)
    if config.loss == "task":
        device = next(iter(targets.values())).device
        loss = TaskLoss.of(base, checkpoints.layout, checkpoints.adapter_config, encoded, device)
        return Losses(loss, begin)
    return Losses(delta_loss(checkpoints.layout, targets) if config.loss == "delta" else begin, begin)


def _write(output: Path, metrics: Sequence[Mapping[str, float]], metadata: dict[str, Any], learned: Any) -> None:
    with transaction():
        write_text(output.with_name("metrics.csv"), pd.DataFrame(metrics).to_csv(index=False, float_format="%.6g"))
        write_record(output.with_name(RUN_FILE), metadata)
        write_learned(output, learned)
