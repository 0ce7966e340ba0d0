"""Evaluation files as tables: one for a terminal, one over all held-out tasks as csv, markdown and HTML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from p2w.report.comparisons import comparisons
from p2w.report.document import image, to_html
from p2w.report.evaluations import read_evaluation
from p2w.report.generators import drawn, further_generators
from p2w.report.paper_numbers import read_paper_numbers
from p2w.report.resampled import resample
from p2w.report.summary_document import summary_text
from p2w.runtime.files import transaction, write_json, write_text
from p2w.runtime.provenance import provenance

READING = """\
accuracy: right answers in the required form, read strictly; valid: answers in the required form; choice: the most
likely answer among those on offer, whatever the form (free answers have none on offer). `generated` never saw an
answer of this task, only prompts. It works when it beats `base`; conditioning on prompts helps only if it beats
`weight_average`, `nearest_prompts` and itself with other prompts (`generated/…`, `constant`) too. `target_trained` was
trained on the task itself; `best_trained` was picked by its score here: both are ceilings."""

METRICS = ("accuracy", "valid", "accuracy_when_valid", "choice_accuracy")
# Columns that only some sources or some evaluations have.
OPTIONAL = ("acc", "acc_norm", "official", "choice_text_accuracy", "draws", "std_over_draws", "seeds", "std_over_seeds")


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
        f"{_choice(result):>8}  {_note(name, result)}"
    ).rstrip()


def _choice(result: Mapping[str, Any]) -> str:
    """Empty where answers are free."""
    return f"{result['choice_accuracy']:.3f}" if "choice_accuracy" in result else ""


def _note(name: str, result: Mapping[str, Any]) -> str:
    if "draws" in result:
        return f"{drawn(name, result)}, std {result['std_over_draws']:.3f}"
    return result.get("task", "") or (f"mean of {result['adapters']}" if result["adapters"] > 1 else "")


def summary_rows(evaluations: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per held-out task and source; `difference` is `generated` minus that source, `{kind}_difference` another
    generator minus it."""
    further = further_generators(evaluations)
    return pd.DataFrame(
        [_row(evaluation, name, further) for evaluation in evaluations for name in evaluation["sources"]]
    )


def _row(evaluation: Mapping[str, Any], name: str, further: Sequence[str]) -> dict[str, Any]:
    result = evaluation["sources"][name]
    return {
        "experiment": evaluation["experiment"],
        "held_out": evaluation["held_out"],
        "source": name,
        "n": evaluation["n"],
        "chance": evaluation["chance"],
        "majority": evaluation.get("majority", {}).get("accuracy"),
        **{metric: result.get(metric) for metric in METRICS},
        "ci95_low": result["ci95"][0],
        "ci95_high": result["ci95"][1],
        "adapters": result["adapters"],
        **{key: result.get(key) for key in OPTIONAL},
        **_compared(comparisons(evaluation).get(name, {})),
        **{
            f"{kind}_{key}": value
            for kind in further
            for key, value in _compared(comparisons(evaluation, kind).get(name, {})).items()
        },
    }


def _compared(found: Mapping[str, Any]) -> dict[str, float | None]:
    low, high = found.get("ci95", (None, None))
    difference, p = found.get("difference"), found.get("mcnemar_p")
    return {"difference": difference, "difference_low": low, "difference_high": high, "mcnemar_p": p}


def write_summary(
    evaluations: Sequence[Path],
    csv: Path,
    markdown: Path,
    html: Path,
    published: Path,
    figures: Mapping[Path, Path],
    predictions: Sequence[Path] = (),
) -> None:
    """Write the summary as csv, markdown and one HTML page, and beside them `{stem}.run.json`: what it was made from.

    `published` has the paper's numbers, see `p2w.report.paper_numbers`; `figures` are images to their captions' files,
    `predictions` what the evaluations were counted from.
    """
    results = [read_evaluation(path) for path in evaluations]
    captions = {image(path, markdown.parent): _caption(caption) for path, caption in figures.items()}
    resampled = resample(predictions, results[0]["provenance"]["seed"])
    text = summary_text(results, read_paper_numbers(published), captions, resampled)
    inputs = [*evaluations, *predictions, published, *figures, *figures.values()]
    record = provenance("summary", {"experiment": results[0]["experiment"]}, inputs)
    with transaction():
        write_text(csv, summary_rows(results).to_csv(index=False, float_format="%.6g"))
        write_text(markdown, text)
        write_text(html, to_html(text, f"P2W: {results[0]['experiment']}", markdown.parent))
        write_json(markdown.with_name(f"{markdown.stem}.run.json"), record)


def _caption(path: Path) -> str:
    """A caption written for Snakemake's report (reStructuredText), as a paragraph of ours."""
    return " ".join(path.read_text(encoding="utf-8").split()).replace("``", "`")
