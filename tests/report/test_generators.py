"""Several generators in one experiment: each against every source, and what making one costs."""

import pandas as pd
import pytest

from p2w.config.generator import KINDS
from p2w.report.comparisons import comparisons, over_tasks
from p2w.report.figure_style import source_style
from p2w.report.figures_generators import by_source, training_seconds
from p2w.report.findings import findings
from p2w.report.generators import drawn, further_generators, meaning
from p2w.report.summary import evaluation_table, summary_rows
from p2w.report.summary_document import summary_text
from tests.support.evaluations import compared, evaluation, result

SOURCES = {"base": 0.2, "multi_task": 0.5, "trained_mean": 0.3, "generated": result(0.7, seeds=3, std_over_seeds=0.02)}


def file(held_out, ridge, **others):
    """An evaluation with a second generator."""
    sources = {**SOURCES, "ridge": result(ridge, draws=5, std_over_draws=0.013), **others}
    found = evaluation(held_out, sources)
    accuracies = {name: one["accuracy"] for name, one in found["sources"].items()}
    against = {
        name: compared(ridge - accuracy, p=0.017)
        for name, accuracy in accuracies.items()
        if name not in ("ridge", "trained_mean")
    }
    return {**found, "comparisons_of": {"ridge": against}}


def test_a_generator_is_compared_by_its_own_entry():
    one = file("a", 0.9)
    assert further_generators([evaluation("b", SOURCES), one]) == ["ridge"]
    assert comparisons(one)["ridge"]["difference"] == pytest.approx(-0.2)
    assert comparisons(one, "ridge")["generated"]["difference"] == pytest.approx(0.2)
    assert comparisons(evaluation("b", SOURCES), "ridge") == {}
    assert over_tasks([one, file("b", 0.6)], "multi_task", "ridge").mean == pytest.approx(0.25)
    assert over_tasks([one], "trained_mean", "ridge").interval is None


def test_the_summary_has_it_against_every_source_with_p_and_the_tasks_won():
    text = summary_text([file("a", 0.9), file("b", 0.6)])
    assert "| source | `ridge` minus it | rows | tasks | p | tasks won | lost |" in text
    assert "| generated | +0.050 | +0.022 to +0.078 | -1.000 to +1.000 | 1.000 | 1 | 1 |" in text
    assert "| base | +0.550 | +0.522 to +0.578 |" in text.split("### `ridge` over")[1]
    assert "## `ridge` against the other sources" in text
    assert "| generated | 0.017 | 0.017 |" in text.split("### McNemar's test of `ridge`")[1]
    assert f"| `ridge` | a further generator: {KINDS['ridge'].meaning} |" in text


def test_one_task_alone_has_no_table_over_tasks():
    assert "`ridge` over the held-out tasks" not in summary_text([file("a", 0.9)])


def test_an_experiment_with_one_generator_says_nothing_of_others():
    text = summary_text([evaluation("a", SOURCES), evaluation("b", SOURCES)])
    assert not any(word in text for word in ("Beside it", "further", "tasks won", "test of"))


def test_the_findings_say_what_it_is_worth():
    said = " ".join(findings([file(task, 0.9) for task in "abcdef"]))
    assert "`ridge` (5 draws of one fit) is right in 0.900 of the rows: `ridge` is better than `base` (+0.700" in said
    assert (
        "`ridge` is better than `generated` (+0.200, 95 % interval +0.184 to +0.216; for other tasks p = 0.031)" in said
    )
    assert "`ridge` is worse than `generated`" in " ".join(findings([file("a", 0.1)]))


def test_what_has_no_seed_says_so():
    assert drawn("ridge", {"draws": 5}) == "5 draws of one fit"
    assert drawn("hyperconv", {"draws": 5}) == drawn("generated", {"draws": 5}) == "5 draws"
    assert drawn("generated", {"draws": 5, "seeds": 3}) == "3 seeds of 5 draws"
    assert drawn("retrieval", {"draws": 1}) == "1 draw of one fit"
    one = file("a", 0.9)
    assert "5 draws of one fit, std 0.013" in evaluation_table(one)
    assert "from each of 3 decoder seeds. Beside it, of the same prompts: `ridge` 5 draws of one fit." in summary_text(
        [one]
    )


def test_every_kind_means_something():
    assert all(meaning(kind) for kind in KINDS)
    assert meaning("generated")
    assert meaning("somebody's") == ""


def test_the_csv_has_a_difference_of_each_generator():
    rows = summary_rows([file("a", 0.9), evaluation("b", SOURCES)]).set_index(["held_out", "source"])
    found = rows.loc[("a", "multi_task"), ["ridge_difference", "ridge_difference_low", "ridge_mcnemar_p"]].tolist()
    assert found == pytest.approx([0.4, 0.36, 0.017])
    assert rows.loc[("a", "multi_task"), "difference"] == pytest.approx(0.2)
    assert pd.isna(rows.loc[("b", "base"), "ridge_difference"])
    assert pd.isna(rows.loc[("a", "ridge"), "ridge_difference"])


def test_cost_is_that_of_making_one(tmp_path):
    jobs = {
        "decoder/a/decoder.tsv": 60,
        "decoder/b/seed_1/decoder.tsv": 80,
        "generator/ridge/a/generator.tsv": 2,
        "multi_task/a.tsv": 5,
        "generate/a/draw_0.tsv": 7,
        "generate/generators/ridge/a/draw_0.tsv": 11,
        "figures.tsv": 13,
    }
    for name, seconds in jobs.items():
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t512\n")
    seconds = training_seconds([tmp_path / "benchmarks" / name for name in jobs])
    assert seconds == {"hyperconv": 70, "ridge": 2, "multi_task": 5}
    assert by_source(seconds, ["ridge"]) == {"generated": 70, "ridge": 2, "multi_task": 5}
    assert by_source({"ridge": 2}, []) == {"generated": 2}


def test_a_further_generator_looks_like_no_other_source():
    styles = {name: tuple(source_style(name).values()) for name in ("ridge", "generated", "multi_task", "base", "x")}
    assert len(set(styles.values())) == len(styles)
