"""Evaluation files as tables: one for a terminal, one over all held-out tasks as csv and markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from p2w.files import read_json, write_text

READING = """\
accuracy: right answers in the required form, read strictly; valid: answers in the required form; choice: the most
likely answer among those on offer, whatever the form. `generated` never saw an answer of this task, only prompts.
It works when it beats `base`; conditioning on prompts helps only if it beats `weight_average` and `nearest_prompts`
too. `target_trained` was trained on the task itself; `best_trained` was picked by its score here: both are ceilings."""

METRICS = ("accuracy", "valid", "accuracy_when_valid", "choice_accuracy")


def evaluation_table(evaluation: Mapping[str, Any]) -> str:
    """One held-out task as aligned text, with a sentence on how to read it."""
    head = (
        f"{evaluation['experiment']}: held-out task {evaluation['held_out']}, "
        f"{evaluation['n']} {evaluation['split']} rows, chance {evaluation['chance']:.2f}"
    )
    lines = [head, "", f"{'source':28}{'accuracy':>9}  {'95 % interval':14}{'valid':>7}{'choice':>8}  note"]
    lines += [_line(name, result) for name, result in evaluation["sources"].items()]
    return "\n".join([*lines, "", READING])


def _line(name: str, result: Mapping[str, Any]) -> str:
    low, high = result["ci95"]
    return (
        f"{name:28}{result['accuracy']:>9.3f}  {f'{low:.3f} - {high:.3f}':14}{result['valid']:>7.2f}"
        f"{result['choice_accuracy']:>8.3f}  {_note(result)}"
    ).rstrip()


def _note(result: Mapping[str, Any]) -> str:
    if "draws" in result:
        return f"{result['draws']} draws, std {result['std_over_draws']:.3f}"
    return result.get("task", "") or (f"mean of {result['adapters']}" if result["adapters"] > 1 else "")


def summary_rows(evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per held-out task and source."""
    rows = [
        {
            "experiment": evaluation["experiment"],
            "held_out": evaluation["held_out"],
            "source": name,
            "n": evaluation["n"],
            "chance": evaluation["chance"],
            **{metric: result[metric] for metric in METRICS},
            "ci95_low": result["ci95"][0],
            "ci95_high": result["ci95"][1],
            "adapters": result["adapters"],
            "std_over_draws": result.get("std_over_draws"),
        }
        for evaluation in evaluations
        for name, result in evaluation["sources"].items()
    ]
    return pd.DataFrame(rows)


def summary_markdown(rows: pd.DataFrame) -> str:
    """Accuracy and validity by source and held-out task; single training adapters are in the csv."""
    shown = rows[~rows["source"].str.startswith("trained/")]
    parts = [f"# {rows['experiment'].iloc[0]}: accuracy on held-out tasks", _pivot(shown, "accuracy")]
    parts += ["## Valid answers", _pivot(shown, "valid"), "## Choice accuracy", _pivot(shown, "choice_accuracy")]
    return "\n\n".join([*parts, "## How to read this", READING]) + "\n"


def _pivot(rows: pd.DataFrame, metric: str) -> str:
    tasks = list(dict.fromkeys(rows["held_out"]))
    table = rows.pivot(index="source", columns="held_out", values=metric)
    lines = [_cells(["source", *tasks, "mean"]), _cells(["---", *["---:"] * (len(tasks) + 1)])]
    for source in dict.fromkeys(rows["source"]):
        values = [table.loc[source, task] for task in tasks]
        lines.append(_cells([source, *[f"{value:.3f}" for value in values], f"{sum(values) / len(values):.3f}"]))
    if metric == "accuracy":
        chance = rows.drop_duplicates("held_out").set_index("held_out")["chance"]
        cells = [f"{chance[task]:.3f}" for task in tasks]
        lines.append(_cells(["*chance*", *cells, f"{chance.mean():.3f}"]))
    return "\n".join(lines)


def _cells(values: Sequence[str]) -> str:
    return f"| {' | '.join(values)} |"


def write_summary(evaluations: Sequence[Path], csv: Path, markdown: Path) -> None:
    """Write both forms of the summary from evaluation files."""
    rows = summary_rows([read_json(path) for path in evaluations])
    write_text(csv, rows.to_csv(index=False, float_format="%.6g"))
    write_text(markdown, summary_markdown(rows))
