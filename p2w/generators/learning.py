"""A generator that is trained by what its adapters do, for a held-out task or a group of them: without it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from p2w.adapters.checkpoints import CheckpointFiles
from p2w.base.base_model import check_base_model
from p2w.config.base_model import BaseModel
from p2w.config.generator import GeneratorConfig
from p2w.finetuning.batches import Encoded
from p2w.generators.basis import Basis
from p2w.generators.basis_losses import Loss, delta_loss, weights_loss
from p2w.generators.basis_training import BasisTraining, position_features
from p2w.generators.contract import Prompts
from p2w.generators.features import training_rows
from p2w.generators.fitted_file import save_fitted
from p2w.generators.ridge import Ridge, regress
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
) -> None:
    """Train the generator for one or more held-out tasks; write it, `metrics.csv` and `run.json`.

    `sample_paths` are the labelled samples of the training tasks by name, of at most `max_length` tokens each. The file
    `state` is what the same call goes on from after an interruption. Raises ValueError: what `training_inputs`,
    `training_rows` and `encode_samples` do; samples of other tasks; adapters of another base model.
    FloatingPointError: a loss, gradient or weight that is not finite.
    """
    checkpoints, headers, encoder = training_inputs(held_out, checkpoint_paths, embedding_paths)
    if set(sample_paths) != set(checkpoints):
        raise ValueError(f"samples: found those of {sorted(sample_paths)}, expected {sorted(checkpoints)}")
    check_base_model(checkpoint_paths[0], checkpoints.adapter_config, base)
    parts = {"held_out": list(held_out), "num_prompts": num_prompts, "max_length": max_length}
    settings = {**parts, "base_model": base.to_json(), **config.to_json()}
    inputs = [*checkpoint_paths, *embedding_paths, *sample_paths.values()]
    record, device = provenance(STAGE, settings, inputs, seed), best_device()
    prompts = {found["task"]: read_embeddings(path) for path, found in headers.items()}
    rows = training_rows(config, prompts, checkpoints)
    begin = regress(config, checkpoints.layout, *rows, num_prompts, {})
    basis = _begun(config, begin, prompts).to(device)
    encoded = encode_tasks(base, sample_paths, config.max_samples, max_length, seed)
    loss = _loss(config, base, checkpoints, begin, encoded, device)
    counts = {task: len(found) for task, found in encoded.items()}
    training = BasisTraining(config, basis, prompts, counts, loss, num_prompts, seed)
    with SavedState(state, {**record, "device": device.type}) as saved:
        metrics = training.run(reporter(f"steps without {', '.join(held_out)}"), saved)
        metadata = noted(held_out, checkpoints, encoder, record)
        _write(output, metrics, metadata, basis.solved(num_prompts, checkpoints.layout, metadata))


def _begun(config: GeneratorConfig, begin: Ridge, prompts: Mapping[str, Prompts]) -> Basis:
    """The basis whose adapters are those of the regression."""
    features = [position_features(prompts[task], config.positions) for task in sorted(prompts)]
    return Basis(torch.stack(features), begin.weights_mean + begin.residuals, config)


def _loss(
    config: GeneratorConfig,
    base: BaseModel,
    checkpoints: CheckpointFiles,
    begin: Ridge,
    encoded: Mapping[str, Encoded],
    device: torch.device,
) -> Loss:
    """What the configuration says adapters are judged by."""
    if config.loss == "task":
        return TaskLoss.of(base, checkpoints.layout, checkpoints.adapter_config, encoded, device)
    adapters = (begin.weights_mean + begin.residuals).to(device)
    targets = dict(zip(sorted(checkpoints), adapters, strict=True))
    return weights_loss(targets) if config.loss == "weights" else delta_loss(checkpoints.layout, targets)


def _write(output: Path, metrics: Sequence[Mapping[str, float]], metadata: dict[str, Any], learned: Ridge) -> None:
    with transaction():
        write_text(output.with_name("metrics.csv"), pd.DataFrame(metrics).to_csv(index=False, float_format="%.6g"))
        write_record(output.with_name(RUN_FILE), metadata)
        save_fitted(output, learned)
