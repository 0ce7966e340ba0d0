"""Figures of what was scored: accuracy and validity by source, trained adapters on other tasks."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from p2w.evaluation.source_names import METHOD, TRAINED, tabled
from p2w.report.figure_style import BLACK, GREY, drawing, source_style

Evaluation = Mapping[str, Any]

ACROSS = 4  # panels side by side
LABELS = {
    "generated/shuffled_prompts": "  shuffled prompts",
    "generated/foreign_prompts": "  foreign prompts",
    "generated/random_prompts": "  random prompts",
    "constant": "  constant",
}


def accuracy_figure(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Accuracy by source with Wilson intervals, one panel per held-out task; chance and majority as lines."""

    def panel(axes: Axes, evaluation: Evaluation, names: Sequence[str]) -> None:
        axes.axvline(evaluation["chance"], color=BLACK, linewidth=1, linestyle=(0, (4, 2)))
        if "majority" in evaluation:
            axes.axvline(evaluation["majority"]["accuracy"], color=BLACK, linewidth=1, linestyle=(0, (1, 1.5)))
        for place, name in enumerate(names):
            if result := evaluation["sources"].get(name):
                low, high = result["ci95"]
                style = source_style(name)
                axes.plot([low, high], [place, place], color=style["color"], linewidth=1.4)
                axes.plot([result["accuracy"]], [place], markersize=6.5, **style)
        if "trained_mean" in names:
            singles = [r["accuracy"] for name, r in evaluation["sources"].items() if name.startswith(TRAINED)]
            place = names.index("trained_mean")
            axes.plot(singles, [place] * len(singles), linestyle="", marker="|", markersize=9, color=GREY, zorder=0.9)

    _panels(evaluations, path, "accuracy (dashes: chance, dots: majority)", panel)


def validity_figure(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Share of valid answers (filled) and accuracy among these (hollow) by source, one panel per held-out task."""

    def panel(axes: Axes, evaluation: Evaluation, names: Sequence[str]) -> None:
        for place, name in enumerate(names):
            if result := evaluation["sources"].get(name):
                style = source_style(name)
                pair = [result["valid"], result["accuracy_when_valid"]]
                hollow = {**style, "markerfacecolor": "none", "marker": "o"}
                if result["valid"]:
                    axes.plot(pair, [place, place], color="#bbbbbb", linewidth=1)
                    axes.plot(pair[1:], [place], markersize=9, **hollow)
                axes.plot(pair[:1], [place], markersize=4.5, **{**hollow, "markerfacecolor": style["color"]})

    _panels(evaluations, path, "share valid (dot), accuracy when valid (ring)", panel)


def _panels(
    evaluations: Sequence[Evaluation], path: Path, label: str, draw: Callable[[Axes, Evaluation, Sequence[str]], None]
) -> None:
    if not evaluations:
        raise ValueError(f"{path}: found no evaluation, expected at least one")
    names = tabled(name for evaluation in evaluations for name in evaluation["sources"])
    across = min(ACROSS, len(evaluations))
    down = math.ceil(len(evaluations) / across)
    with drawing(path, 2.6 + 2.1 * across, 0.6 + down * (0.65 + 0.22 * len(names))) as figure:
        grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat
        for axes, evaluation in zip(grid, evaluations, strict=False):
            draw(axes, evaluation, names)
            axes.set_title(evaluation["held_out"], loc="left")
            axes.set_xlim(-0.03, 1.03)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
            axes.set_yticks(range(len(names)), [LABELS.get(name, name) for name in names])
            axes.tick_params(left=False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        for tick in (label for row in figure.axes for label in row.get_yticklabels()):
            tick.set_fontweight("bold" if tick.get_text() == METHOD else "normal")
        for unused in list(grid):
            unused.set_visible(False)
        figure.supxlabel(label, fontsize=9)


def transfer_figure(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Accuracy of every trained adapter (rows) on every held-out task (columns), its own framed; or that none is."""
    if not any(name.startswith(TRAINED) for evaluation in evaluations for name in evaluation["sources"]):
        with drawing(path, 5, 1) as figure:
            figure.text(0.5, 0.5, "No training task's adapter was scored on other tasks.", ha="center", va="center")
        return
    tested = [evaluation["held_out"] for evaluation in evaluations]
    trained = dict.fromkeys(tested)
    trained |= dict.fromkeys(
        name.removeprefix(TRAINED) for e in evaluations for name in e["sources"] if name.startswith(TRAINED)
    )
    cells = np.array([[_transferred(evaluation, task) for evaluation in evaluations] for task in trained])
    with drawing(path, 2.8 + 0.75 * len(tested), 1.6 + 0.36 * len(trained)) as figure:
        axes = figure.subplots()
        axes.grid(False)
        axes.set_facecolor("#dddddd")
        image = axes.imshow(cells, vmin=0, vmax=1, cmap="cividis", aspect="auto")
        for (row, column), value in np.ndenumerate(cells):
            colour = "black" if value > 0.55 else "white"
            text = f"{value:.2f}" if np.isfinite(value) else "–"
            axes.text(column, row, text, ha="center", va="center", color=colour if np.isfinite(value) else "black")
        for number, task in enumerate(tested):
            frame = {"fill": False, "edgecolor": "black", "linewidth": 1.8}
            axes.add_patch(Rectangle((number - 0.47, list(trained).index(task) - 0.46), 0.94, 0.92, **frame))
        axes.set_xticks(range(len(tested)), tested, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(trained)), trained)
        axes.set_xlabel("scored on")
        axes.set_ylabel("trained on")
        figure.colorbar(image, label="accuracy", shrink=0.8)


def _transferred(evaluation: Evaluation, task: str) -> float:
    name = "target_trained" if task == evaluation["held_out"] else f"{TRAINED}{task}"
    return evaluation["sources"].get(name, {}).get("accuracy", math.nan)
