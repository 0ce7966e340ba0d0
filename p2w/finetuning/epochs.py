"""Epochs of one task or of many, one after the other, with the base model loaded once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import pandas as pd

from p2w.adapters.epoch_files import EPOCH_FILES, is_epoch_of, link_epoch
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.data.samples import read_samples
from p2w.finetuning.adapted_base import AdaptedBase, load_adapted
from p2w.finetuning.finetune import train_epoch
from p2w.finetuning.training import Training
from p2w.runtime.device import best_device
from p2w.runtime.progress import reporter
from p2w.runtime.provenance import input_hashes, provenance


@dataclass(frozen=True)
class Place:
    """Where an epoch of a task goes: its folder, the file of its saved state, and the files of the epoch before."""

    task: str
    epoch: int
    samples: Path
    folder: Path
    state: Path | None
    previous: Sequence[Path]

    @property
    def done(self) -> Path | None:
        """Where the finished epoch is held while others of the same job are still to be trained."""
        return self.state and self.state.with_suffix("")


def places_of(
    samples: Mapping[str, Path],
    epochs: Sequence[int],
    adapters: Sequence[Path],
    states: Sequence[Path],
    previous: Sequence[Path],
) -> list[Place]:
    """All `epochs` of one task after the other, by the adapter files that they write; `previous` are the files of the
    epoch before the first one. ValueError unless there is an adapter (and a state, if any) for each."""
    expected = len(samples) * len(epochs)
    for name, found in (("--output", adapters), ("--state", states or adapters)):
        if len(found) != expected:
            raise ValueError(f"{name}: found {len(found)}, expected {expected}, one for each task and epoch")
    places: list[Place] = []
    for number, (task, epoch) in enumerate((task, epoch) for task in samples for epoch in epochs):
        if epoch != epochs[0]:
            previous = [places[-1].folder / name for name in EPOCH_FILES]
        elif number:
            previous = []
        state = states[number] if states else None
        places.append(Place(task, epoch, samples[task], adapters[number].parent, state, previous))
    return places


class Trainer:
    """Trains epochs, one after the other, with the base model loaded once, and tells how far all of them are."""

    def __init__(self, base: BaseModel, lora: LoraSettings, config: FinetuneConfig, seed: int) -> None:
        self.base, self.lora, self.config, self.seed = base, lora, config, seed
        parts = {"base_model": base.to_json(), "lora": lora.to_json(), "finetune": config.to_json()}
        self.record = provenance("finetune", parts, base.files, seed)
        self.device = best_device()
        self.adapted: AdaptedBase | None = None

    def train(self, places: Sequence[Place], keep: bool = False) -> None:
        """Train what `places` say. To `keep` is to leave those that are there already, made from the same, as they are;
        and what is finished is not lost when the job is interrupted and its outputs are taken away."""
        tables = {place.task: read_samples(place.samples) for place in places}
        steps = {task: self.config.steps(len(table)) for task, table in tables.items()}
        total, done, report = sum(steps[place.task] for place in places), 0, reporter("steps")
        training: Training | None = None
        for place in places:
            record = self._record_of(place)
            if not (keep and self._is_there(place, record)):
                if training is None or training.task != place.task:
                    training = self._training(place.task, tables[place.task])

                def within(number: int, _count: int, note: str, before: int = done) -> None:
                    report(before + number, total, note)

                previous = place.previous[0].parent if place.previous else None
                options = {"record": record, "report": within, "state": place.state}
                train_epoch(training, place.epoch, previous, place.folder, **options)
                if keep and place.done:
                    link_epoch(place.folder, place.done)
            done += steps[place.task]
        for place in places if keep else ():
            if place.done:
                rmtree(place.done, ignore_errors=True)

    def _record_of(self, place: Place) -> dict[str, Any]:
        """What makes the epoch."""
        inputs = {**self.record["inputs"], **input_hashes([place.samples, *place.previous])}
        config = {**self.record["config"], "epoch": place.epoch}
        return {**self.record, "config": config, "inputs": dict(sorted(inputs.items()))}

    def _is_there(self, place: Place, record: Mapping[str, Any]) -> bool:
        if is_epoch_of(place.folder, record):
            return True
        if place.done is None or not is_epoch_of(place.done, record):
            return False
        link_epoch(place.done, place.folder)
        return True

    def _training(self, task: str, samples: pd.DataFrame) -> Training:
        self.adapted = self.adapted or load_adapted(self.base, self.lora, self.device)
        return Training(self.base, self.lora, self.config, self.seed, task, samples, self.device, self.adapted)
