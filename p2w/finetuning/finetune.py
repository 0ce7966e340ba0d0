"""LoRA fine-tuning of the base model on one task, an epoch at a time.

Everything random is derived from (seed, epoch), and the learning rate does not know how many epochs there will be. So
ten jobs of one epoch give the same bits as one job of ten, and two more epochs are exactly two more.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from p2w.adapters.epoch_files import write_epoch
from p2w.finetuning.training import Training
from p2w.runtime.progress import Report, silent
from p2w.runtime.resume import SavedState


def train_epoch(
    training: Training,
    epoch: int,
    previous: Path | None,
    output: Path,
    *,
    record: Mapping[str, Any] | None = None,
    report: Report = silent,
    state: Path | None = None,
) -> None:
    """Train epoch number `epoch` (from 1) of a task's adapter, starting where the folder `previous` ended.

    Writes into `output`: the adapter in PEFT's format, the snapshots, the state that the next epoch starts from, and
    `run.json` with the losses and `record` (the provenance). None of them depends on when or how fast it ran, nor on
    how often it was interrupted: the file `state` is what the same call goes on from. Raises ValueError: a previous
    epoch of other settings, memory for less than one sample. Raises FloatingPointError: a loss, gradient or weight that
    is not finite.
    """
    if epoch < 1 or (previous is None) != (epoch == 1):
        raise ValueError(f"epoch {epoch}: found previous {previous}, expected none for epoch 1 and a folder after it")
    if previous is not None:
        training.load_epoch(Path(previous), epoch - 1)
    with SavedState(state, {**(record or {}), **training.identity()}) as saved:
        training.resume(saved)
        write_epoch(output, training.run_epoch(epoch, report, saved), record or {})
