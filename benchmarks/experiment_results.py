"""What an experiment of the workflow has made, for scripts that learn from it and score adapters of their own."""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from p2w.adapters.checkpoints import CheckpointFiles
from p2w.adapters.peft_folder import write_adapter
from p2w.config.experiment import Experiment
from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table, task_entry
from p2w.config.generator import KINDS, GeneratorConfig
from p2w.data.samples import read_samples
from p2w.evaluation.evaluate import free_answers, predict, select_rows
from p2w.generators.centroids import write_centroid
from p2w.generators.fitting import fit_without
from p2w.generators.learning import learn_without
from p2w.runtime.progress import silent

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Results:
    """An experiment, and where its own files and the adapters that it uses are; `scoring` has what tasks say of free
    answers."""

    experiment: Experiment
    own: Path
    adapters: Path
    scoring: Mapping[str, dict[str, Any]]

    @cached_property
    def held_out(self) -> list[str]:
        """Tasks that the experiment holds out, sorted."""
        return sorted(self.experiment.takes_turns)

    @cached_property
    def training(self) -> list[str]:
        """Tasks that it never holds out, in its order."""
        return [task for task in self.experiment.tasks if task not in self.experiment.takes_turns]

    def checkpoint_paths(self, tasks: Sequence[str]) -> list[Path]:
        """Files of the tasks' checkpoints."""
        return [self.adapters / f"checkpoints/{task}.parquet" for task in tasks]

    def checkpoints(self, tasks: Sequence[str]) -> CheckpointFiles:
        """Checkpoints (n, size) by task, looked up one task at a time."""
        return CheckpointFiles(self.checkpoint_paths(tasks))

    def embedding_path(self, task: str) -> Path:
        """The file of a task's prompts."""
        return self.own / f"embeddings/{task}.parquet"

    def sample_path(self, task: str, split: str = "train") -> Path:
        """The file of a task's samples."""
        return self.own / f"samples/{task}/{split}.parquet"

    def fit(self, config: GeneratorConfig, tasks: Sequence[str], held_out: Sequence[str], output: Path) -> None:
        """Write a generator in closed form, fitted on these tasks and without those held out."""
        with tempfile.TemporaryDirectory() as folder:
            centroids = [Path(folder, f"{task}.safetensors") for task in tasks]
            prompts = map(self.embedding_path, tasks)
            for files in zip(self.checkpoint_paths(tasks), prompts, centroids, strict=True):
                write_centroid(*files)
            fit_without(held_out, config, self.experiment.decoder.num_prompts, centroids, output)

    def learn(
        self, config: GeneratorConfig, tasks: Sequence[str], held_out: Sequence[str], seed: int, output: Path
    ) -> None:
        """Write a generator that is trained by what its adapters do, on these tasks and without those held out."""
        learn_without(
            held_out,
            config,
            self.experiment.base_model.placed,
            self.experiment.decoder.num_prompts,
            self.experiment.finetune.max_length,
            seed,
            self.checkpoint_paths(tasks),
            [self.embedding_path(task) for task in tasks],
            {task: self.sample_path(task) for task in tasks},
            output,
            decoder=self.experiment.decoder if KINDS[config.kind].has_decoder else None,
        )

    def rows(self, task: str, split: str, most: int) -> pd.DataFrame:
        """Some of a task's labelled rows, the same in every call."""
        return select_rows(read_samples(self.sample_path(task, split)), most, self.experiment.seed)

    def accuracy(self, task: str, rows: pd.DataFrame, folders: Mapping[str, Path]) -> dict[str, float]:
        """Share of right answers of the base model and of each adapter, by source."""
        config, device = self.experiment.evaluation, torch.device("cpu")
        free = free_answers(rows, self.scoring[task])
        answers = predict(self.experiment.base_model.placed, rows, folders, config, device, silent, free=free)
        right = answers["right"] if free else answers["prediction"] == answers["gold"]
        return {str(source): float(found) for source, found in right.groupby(answers["source"]).mean().items()}

    def accuracy_of(
        self, task: str, rows: pd.DataFrame, made: Mapping[str, Tensor], like: CheckpointFiles
    ) -> dict[str, float]:
        """The same of flat weights (size,) by source, which are adapters as the checkpoints are."""
        with tempfile.TemporaryDirectory() as folder:
            places = {source: Path(folder, source) for source in made}
            for source, place in places.items():
                write_adapter(place, like.layout.unflatten(made[source]), like.adapter_config)
            return self.accuracy(task, rows, places)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that `find_results` reads."""
    parser.add_argument("experiment")
    parser.add_argument("--adapters", help="the experiment whose adapters it uses, if they are another's")
    parser.add_argument("--results", type=Path, default=PROJECT / "results")


def find_results(args: argparse.Namespace) -> Results:
    """The experiment that the arguments name."""
    table, sources = read_task_table(PROJECT / "config/tasks"), read_sources(PROJECT / "config/sources.yaml")
    experiment = Experiments(find_experiments(PROJECT / "config/experiments"), table, sources).whole(args.experiment)
    entries = {task: task_entry(table, task) for task in experiment.tasks}
    keys = {task: ("score", "max_new_tokens") if "score" in entry else () for task, entry in entries.items()}
    scoring = {task: {key: entries[task][key] for key in keys[task]} for task in entries}
    adapters = args.results / (args.adapters or args.experiment)
    return Results(experiment, args.results / args.experiment, adapters, scoring)
