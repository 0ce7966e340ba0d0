"""Figures: they appear, they are PNG, the same bytes every time, and what is missing is named."""

import itertools
import math
import struct

import numpy as np
import pandas as pd
import pytest
import torch

from p2w.adapters.peft_folder import write_adapter
from p2w.evaluation.source_names import MEANING
from p2w.report.figure_style import drawing, legend_columns, line_style, source_style
from p2w.report.figures import FIGURES, Material, write_figures
from p2w.report.figures_map import Place
from p2w.report.figures_scores import transfer_figure
from p2w.report.figures_training import (
    TOGETHER,
    read_adapter_losses,
    read_benchmarks,
    read_decoder_losses,
    training_figure,
)
from p2w.runtime.records import find_record
from p2w.runtime.seals import write_record
from tests.support.evaluations import evaluation
from tests.support.workspace import PROJECT

CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "toy"}
SOURCES = {
    "base": 0.2,
    "trained/b": 0.6,
    "trained_mean": 0.6,
    "target_trained": 0.95,
    "constant": 0.8,
    "generated": 0.9,
}


def adapter(folder, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"lora_A": (2, 7), "lora_B": (5, 2)}
    tensors = {f"m.q_proj.{name}.weight": torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    write_adapter(folder, tensors, CONFIG)
    return folder


@pytest.fixture
def material(tmp_path):
    """Two tasks, two epochs, two decoders, six adapters, three benchmarks."""
    for task, other in (("a", "b"), ("b", "a")):
        sources = {name.replace("trained/b", f"trained/{other}"): value for name, value in SOURCES.items()}
        write_record(tmp_path / f"{task}.json", evaluation(task, sources))
        for epoch in (1, 2):
            losses = [2.0 ** -(k + 5 * epoch) for k in range(5)]
            run = {"task": task, "epoch": epoch, "step": 5 * epoch, "losses": losses}
            write_record(tmp_path / f"{task}_{epoch}.json", run)
        metrics = pd.DataFrame({"step": range(1, 40), "loss": np.geomspace(1, 0.1, 39)})
        (tmp_path / task).mkdir()
        metrics.to_csv(tmp_path / task / "metrics.csv", index=False)
    jobs = {"decoder/a/decoder.tsv": (60, 512), "decoder/b.tsv": (30, 2048), "figures.tsv": (5, "NA")}
    for name, (seconds, memory) in jobs.items():
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:01:00\t{memory}\n")
    kinds = ("trained", "generated", "constant")
    places = [
        Place(kind, task, adapter(tmp_path / f"{kind}_{task}", n)) for n, kind in enumerate(kinds) for task in "ab"
    ]
    return Material(
        [tmp_path / "a.json", tmp_path / "b.json"],
        [tmp_path / f"{task}_{epoch}.json" for task in "ab" for epoch in (1, 2)],
        {task: tmp_path / task / "metrics.csv" for task in "ab"},
        places,
        [tmp_path / "benchmarks" / name for name in jobs],
    )


def test_every_figure_appears_and_a_rerun_gives_the_same_bytes(material, tmp_path):
    for folder in ("one", "two"):
        write_figures(material, tmp_path / folder)
    for name in FIGURES:
        first, second = ((tmp_path / folder / f"{name}.png").read_bytes() for folder in ("one", "two"))
        assert first == second
        assert first.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", first[16:24])
        assert 500 < width < 2600
        assert 200 < height < 2600
        assert first.count(b"tEXt") == 1, "what made it, and nothing about when or where"
        record = find_record(tmp_path / "one" / f"{name}.png")[1]
        assert {path.as_posix() for path in material.evaluations} <= set(record["inputs"])


def test_every_figure_has_a_caption():
    for name in (*FIGURES, "summary", "table", "workflow"):
        assert len((PROJECT / f"workflow/report/{name}.rst").read_text().split()) > 20


@pytest.mark.parametrize("gone", ["a.json", "b_2.json", "a/metrics.csv", "generated_b/adapter_model.safetensors"])
def test_missing_input_is_named(material, tmp_path, gone):
    (tmp_path / gone).unlink()
    with pytest.raises(ValueError, match=gone.split("/")[-1]):
        write_figures(material, tmp_path / "figures")


def test_losses_go_on_from_epoch_to_epoch(material):
    losses = read_adapter_losses(material.runs)
    assert list(losses) == ["a", "b"]
    assert losses["a"]["step"].tolist() == list(range(1, 11))
    assert losses["a"]["loss"].iloc[5] == 2.0**-10
    assert losses["a"]["epoch"].tolist() == [1] * 5 + [2] * 5


def test_files_of_another_kind_are_named(tmp_path):
    write_record(tmp_path / "run.json", {"made_by": "something"})
    (tmp_path / "x").mkdir()
    (tmp_path / "x/metrics.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"run\.json: found no epoch, losses, step, task"):
        read_adapter_losses([tmp_path / "run.json"])
    with pytest.raises(ValueError, match=r"x/metrics\.csv: found columns \['a', 'b'\]"):
        read_decoder_losses({"x": tmp_path / "x/metrics.csv"})
    with pytest.raises(ValueError, match=r"x/metrics\.csv: found columns .*, expected s and max_rss"):
        read_benchmarks([tmp_path / "x/metrics.csv"])


def test_costs_add_up_by_rule(material):
    costs = read_benchmarks(material.benchmarks)
    assert costs.loc["decoder"].tolist() == [2, 90, 2048]
    assert costs.loc["figures", "seconds"] == 5
    assert math.isnan(costs.loc["figures", "memory"])


def test_unknown_kind_of_adapter_is_named(material, tmp_path):
    places = [*material.places, Place("guessed", "a", material.places[0].folder)]
    broken = Material(material.evaluations, material.runs, material.metrics, places, material.benchmarks)
    with pytest.raises(ValueError, match=r"unknown kinds \['guessed'\]"):
        write_figures(broken, tmp_path)


def test_transfer_of_no_trained_adapter_is_a_figure_that_says_so(tmp_path):
    for number, sources in enumerate(({"base": 0.2, "target_trained": 0.7}, {"trained/b": 0.1, "target_trained": 0.7})):
        transfer_figure([evaluation("a", sources)], tmp_path / f"{number}.png")
    heights = [struct.unpack(">II", (tmp_path / f"{n}.png").read_bytes()[16:24])[1] for n in (0, 1)]
    assert heights[0] < heights[1]


def test_colour_is_never_alone():
    lines = [line_style(number) for number in range(TOGETHER)]
    assert len({line["color"] for line in lines}) == len({line["marker"] for line in lines}) == TOGETHER
    assert all(one["linestyle"] != two["linestyle"] for one, two in itertools.pairwise(lines))
    groups = {name: source_style(name) for name in MEANING}
    marks = {(style["marker"], style["markerfacecolor"] == "white") for style in groups.values()}
    assert len(marks) == len({style["color"] for style in groups.values()}) + 1  # the method is filled


def test_many_curves_are_divided_among_panels(material, tmp_path):
    table = read_adapter_losses(material.runs)["a"]
    heights = []
    for count in (TOGETHER, TOGETHER + 1):
        path = tmp_path / f"{count}.png"
        training_figure({f"task{number}": table for number in range(count)}, {"a": table}, path)
        heights.append(struct.unpack(">II", path.read_bytes()[16:24])[1])
    assert heights[1] == 2 * heights[0]


@pytest.mark.parametrize("length", [4, 15, 28])
def test_legends_fit_the_figure(length, tmp_path):
    labels = ["x" * length] * 32
    with drawing(tmp_path / "x.png", 10, 4) as figure:
        axes = figure.subplots()
        for label in labels:
            axes.plot([0], [0], marker="o", linestyle="", label=label)
        legend = figure.legend(loc="lower center", ncols=legend_columns(labels, 10), fontsize=8)
        figure.draw_without_rendering()
        assert legend.get_window_extent().width <= 10 * figure.dpi
