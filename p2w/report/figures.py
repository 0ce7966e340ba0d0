"""All figures of an experiment, from its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from p2w.adapters.peft_folder import WEIGHTS_FILE
from p2w.report.evaluations import read_evaluation
from p2w.report.figures_generators import generators_figure
from p2w.report.figures_map import Place, map_figure
from p2w.report.figures_scores import accuracy_figure, transfer_figure, validity_figure
from p2w.report.figures_training import (
    cost_figure,
    read_adapter_losses,
    read_benchmarks,
    read_decoder_losses,
    training_figure,
)
from p2w.runtime.files import transaction
from p2w.runtime.provenance import provenance
from p2w.runtime.records import write_into_png

FIGURES = ("accuracy", "validity", "training", "transfer", "map", "cost", "generators")


@dataclass(frozen=True)
class Material:
    """What the figures are drawn from.

    `runs`: `run.json` of every epoch of every task; `metrics`: name of a decoder to its `metrics.csv`; `places`: the
    adapters of the map; `benchmarks`: Snakemake's benchmark files.
    """

    evaluations: Sequence[Path]
    runs: Sequence[Path]
    metrics: Mapping[str, Path]
    places: Sequence[Place]
    benchmarks: Sequence[Path]


def write_figures(material: Material, folder: Path) -> None:
    """Write `{folder}/{name}.png` for each of `FIGURES`; ValueError names a missing file or one of another kind."""
    for path in (*material.evaluations, *material.runs, *material.metrics.values()):
        if not path.is_file():
            raise ValueError(f"{path}: no such file; the figures need it")
    evaluations = [read_evaluation(path) for path in material.evaluations]
    adapters, decoders = read_adapter_losses(material.runs), read_decoder_losses(material.metrics)
    with transaction():
        accuracy_figure(evaluations, folder / "accuracy.png")
        validity_figure(evaluations, folder / "validity.png")
        transfer_figure(evaluations, folder / "transfer.png")
        training_figure(adapters, decoders, folder / "training.png")
        map_figure(material.places, folder / "map.png")
        cost_figure(read_benchmarks(material.benchmarks), folder / "cost.png")
        generators_figure(evaluations, material.benchmarks, folder / "generators.png")
    weights = [place.folder / WEIGHTS_FILE for place in material.places]
    inputs = [*material.evaluations, *material.runs, *material.metrics.values(), *weights]
    record = provenance("figures", {"decoders": list(material.metrics)}, inputs)
    for name in FIGURES:
        write_into_png(folder / f"{name}.png", record)
