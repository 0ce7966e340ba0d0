"""Figures of how training went: losses of the adapters and of the decoders; time and memory of the workflow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from p2w.report.figure_style import BLUE, ORANGE, drawing, legend_columns, line_style
from p2w.runtime.seals import read_record

TOGETHER = 8  # curves in one panel
SMOOTHED = 25  # a curve is the mean over about its length / SMOOTHED steps

# Columns of Snakemake's benchmark files that are shown: seconds, and the largest resident set in MB.
SECONDS, MEMORY = "s", "max_rss"


def read_adapter_losses(paths: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Task to `step`, `loss`, `epoch` of all its epochs, from the `run.json` of each.

    Raises:
        ValueError: a file that is no record of an epoch; names it.
    """
    tables: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        run = read_record(path)
        missing = {"task", "epoch", "step", "losses"} - set(run)
        if missing:
            raise ValueError(f"{path}: found no {', '.join(sorted(missing))}, expected the record of an epoch")
        steps = np.arange(run["step"] - len(run["losses"]) + 1, run["step"] + 1)
        tables.setdefault(run["task"], []).append(
            pd.DataFrame({"step": steps, "loss": run["losses"], "epoch": run["epoch"]})
        )
    return {task: pd.concat(parts).sort_values("step", ignore_index=True) for task, parts in tables.items()}


def read_decoder_losses(paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """Name of a decoder to its `metrics.csv`; ValueError names a file without steps and losses."""
    tables = {name: _read_csv(path) for name, path in paths.items()}
    for name, table in tables.items():
        if not {"step", "loss"} <= set(table) or table.empty:
            raise ValueError(f"{paths[name]}: found columns {list(table)}, expected step and loss, with rows")
    return tables


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, **options)
    except ValueError as error:
        raise ValueError(f"{path}: not a readable table ({error})") from error


def training_figure(adapters: Mapping[str, pd.DataFrame], decoders: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Loss by step: fine-tuning of every task on the left, the decoder of every held-out task on the right."""
    columns = {"Adapters, by task": _chunks(adapters), "Decoders, by held-out task": _chunks(decoders)}
    down = max(map(len, columns.values()))
    with drawing(path, 10.5, 4.4 * down) as figure:
        grid = figure.subplots(down, 2, sharex="col", sharey="col", squeeze=False)
        for (title, chunks), panels in zip(columns.items(), grid.T, strict=True):
            for axes, chunk in zip(panels, chunks, strict=False):
                _curves(axes, chunk)
                axes.set_title(title, loc="left")
            for axes in panels[len(chunks) :]:
                axes.set_visible(False)
        ends = {end for table in adapters.values() for end in table.groupby("epoch")["step"].max()}
        for axes in grid[:, 0]:
            for end in sorted(ends)[:-1] if len(ends) <= 12 else ():
                axes.axvline(end + 0.5, color="#999999", linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)


def _chunks(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, pd.DataFrame]]:
    """So few curves together that each can be followed."""
    names = list(tables)
    return [
        {name: tables[name] for name in names[start : start + TOGETHER]} for start in range(0, len(names), TOGETHER)
    ]


def _curves(axes: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    for number, (name, table) in enumerate(tables.items()):
        # A marker on every sixth of a line, each line's a little further on than the last one's.
        spacing = (number / TOGETHER / 6, 1 / 6)
        window = max(1, len(table) // SMOOTHED)
        smooth = table["loss"].rolling(window, min_periods=1, center=True).mean()
        axes.plot(table["step"], smooth, label=name, linewidth=1.2, markevery=spacing, **line_style(number))
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.tick_params(labelbottom=True)
    across = legend_columns(list(tables), 5)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=across, fontsize=8, handlelength=3)


def read_benchmarks(paths: Sequence[Path]) -> pd.DataFrame:
    """Of every rule: `jobs`, `seconds` in all, `memory` of its largest job in MB; from `…/benchmarks/{rule}/….tsv`.

    Raises:
        ValueError: a file without the columns; names it.
    """
    found = []
    for path in paths:
        table = _read_benchmark(path)
        rule = path.as_posix().rpartition("benchmarks/")[2].split("/")[0].removesuffix(".tsv")
        found.append({"rule": rule, "seconds": table[SECONDS].sum(), "memory": table[MEMORY].max()})
    rules = pd.DataFrame(found).groupby("rule")
    return rules.agg(jobs=("seconds", "size"), seconds=("seconds", "sum"), memory=("memory", "max")).sort_values(
        "seconds"
    )


def read_seconds(path: Path) -> float:
    """Seconds that a job took, from its benchmark file; ValueError names one without the columns."""
    return float(_read_benchmark(path)[SECONDS].sum())


def _read_benchmark(path: Path) -> pd.DataFrame:
    table = _read_csv(path, sep="\t", na_values=["-", "NA"])
    if not {SECONDS, MEMORY} <= set(table):
        raise ValueError(f"{path}: found columns {list(table)}, expected {SECONDS} and {MEMORY}")
    return table


def cost_figure(benchmarks: pd.DataFrame, path: Path) -> None:
    """Seconds of all jobs and memory of the largest job, by rule."""
    names = [f"{rule} ({row.jobs:.0f} job{'' if row.jobs == 1 else 's'})" for rule, row in benchmarks.iterrows()]
    hour = benchmarks["seconds"].max() > 3600
    seconds = benchmarks["seconds"] / (3600 if hour else 60)
    with drawing(path, 9, 1.1 + 0.3 * len(names)) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        _bars(left, names, seconds, BLUE, "", "hours of all jobs" if hour else "minutes of all jobs")
        _bars(right, names, benchmarks["memory"] / 1024, ORANGE, "///", "largest job, GiB")


def _bars(axes: Axes, names: Sequence[str], values: pd.Series, colour: str, hatch: str, label: str) -> None:
    bars = axes.barh(range(len(names)), values.fillna(0), color=colour, hatch=hatch, edgecolor="white", height=0.7)
    axes.bar_label(bars, [f" {v:.1f}" if pd.notna(v) else " not measured" for v in values], fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.margins(x=0.14)
    axes.grid(False, axis="y")
    axes.set_xlabel(label)
