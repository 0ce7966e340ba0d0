"""The summary: tables that hold the numbers of the evaluation files, the paper's only where they belong."""

import re

import pandas as pd
import pytest

from p2w.report.document import to_html
from p2w.report.paper_numbers import read_paper_numbers
from p2w.report.summary import evaluation_table, summary_rows, write_summary
from p2w.report.summary_document import summary_text
from p2w.runtime.seals import write_record
from p2w.runtime.tables import write_table
from tests.support.evaluations import SHUFFLED, evaluation, free_evaluation, result
from tests.support.workspace import PROJECT

PUBLISHED = PROJECT / "config/published.yaml"
PAPER_MODEL = {"seed": 0, "config": {"base_model": {"hub": "Qwen/Qwen2.5-0.5B-Instruct", "path": None}}}
OVER = "Over the held-out tasks"
SOURCES = {"base": 0.2, "trained/b": 0.6, "trained_mean": 0.6, "weight_average": 0.7, SHUFFLED: 0.8, "generated": 0.9}


def markdown(*evaluations, paper=None):
    return summary_text(evaluations, paper)


def section(text, title):
    return re.split(r"\n#+ ", text.split(f"# {title}\n")[1])[0]


def test_table_for_a_terminal():
    text = evaluation_table(evaluation("arc_easy", {"base": 0.2, "generated": 0.7}))
    assert "held-out task arc_easy, 100 test rows, chance 0.25" in text
    assert "generated                       0.700" in text
    assert "5 draws, std 0.011" in text


def test_accuracy_by_source_and_task_with_chance_and_majority():
    text = markdown(evaluation("arc_easy", SOURCES), evaluation("piqa", {**SOURCES, "generated": 0.5}))
    assert "| source | arc_easy | piqa | mean |" in text
    assert "| generated | 0.900 | 0.500 | 0.700 |" in text
    assert "| *chance* | 0.250 | 0.250 | 0.250 |" in text
    assert "| *majority* | 0.300 | 0.300 | 0.300 |" in text
    assert "trained/b" not in text


def test_every_source_over_the_tasks_with_intervals_over_rows_and_tasks():
    part = section(markdown(*(evaluation(n, {**SOURCES, "base": b}) for n, b in (("a", 0.2), ("b", 0.4)))), OVER)
    assert "| source | accuracy | rows | tasks | valid | `generated` minus it | rows | tasks | p |" in part
    assert "| +0.600 | +0.572 to +0.628 | -0.671 to +1.000 | 0.500 |" in part
    assert "| generated | 0.900 |" in part
    assert f"# {OVER}\n" not in markdown(evaluation("a", SOURCES))


def test_sources_that_some_evaluations_lack():
    text = markdown(evaluation("a", SOURCES), evaluation("b", {"base": 0.1, "generated": 0.5}))
    assert "| weight_average | 0.700 | – | 0.700 |" in text
    assert "the mean is over fewer: `trained_mean` (1), `weight_average` (1), `generated/shuffled_prompts` (1)." in text


def test_comparisons_are_marked_where_the_interval_excludes_zero():
    file = evaluation("a", SOURCES)
    file["comparisons"]["base"]["mcnemar_p"] = 1e-9
    part = section(markdown(file), "`generated` against the other sources")
    assert "| base | +0.700 [+0.660, +0.740] * | +0.700 [+0.660, +0.740] * |" in part
    near = evaluation("a", {**SOURCES, SHUFFLED: 0.89})
    assert f"| {SHUFFLED} | +0.010 [-0.030, +0.050] |" in markdown(near)
    assert "| base | < 0.001 |" in section(markdown(file), "McNemar's test")


def test_old_evaluation_files_are_still_summarised():
    file = evaluation("a", SOURCES)
    for key in ("comparisons", "majority", "provenance"):
        del file[key]
    text = markdown(file)
    assert "| generated | 0.900 | 0.900 |" in text
    assert "McNemar" not in text
    assert "majority* |" not in text


def test_optional_metrics_are_shown_when_they_are_there():
    assert "published scorer" not in markdown(evaluation("a", SOURCES))
    with_official = {**SOURCES, "base": result(0.2, official=0.41, choice_text_accuracy=0.53)}
    text = markdown(evaluation("a", with_official))
    assert "| base | 0.410 | 0.410 |" in section(text, "Accuracy by the published scorer")
    assert "| base | 0.530 | 0.530 |" in section(text, "Accuracy by the text of the choices")


def test_free_answers_beside_choices():
    """They are in the mean of accuracies, and have no cell where only choices have a number."""
    both = [evaluation("a", SOURCES), free_evaluation("b", {**SOURCES, "generated": 0.5})]
    text = markdown(*both)
    assert "| generated | 0.900 | 0.500 | 0.700 |" in section(text, "toy: accuracy on held-out tasks")
    assert "| *chance* | 0.250 | 0.000 | 0.125 |" in text
    assert "| *majority* | 0.300 | 0.100 | 0.200 |" in text
    assert "| generated | 1.000 | – | 1.000 |" in section(text, "Choice accuracy")
    assert "exactly one of the responses" in text
    assert "Answers to b are free: valid if the model ended them" in text
    csv = summary_rows(both).to_csv(index=False)
    assert csv.splitlines()[1].startswith("toy,a,base,100,0.25,0.3,0.2,1.0,0.2,1.0,")
    assert csv.splitlines()[1 + len(SOURCES)].startswith("toy,b,base,100,0.0,0.1,0.2,1.0,0.2,,")


def test_free_answers_alone():
    alone = free_evaluation("b", SOURCES)
    text = markdown(alone)
    assert "Choice accuracy" not in text
    assert "exactly one of the responses" not in text
    assert "is right in 0.900 of the rows, the base model in 0.200. The adapters help" in text
    assert "generated                       0.900  0.826 - 0.945    1.00          5 draws" in evaluation_table(alone)


def test_overlap_is_reported_where_there_is_some():
    counts = {"b": {"rows": 50, "exact": 2, "ngram": 5}, "c": {"rows": 50, "exact": 0, "ngram": 0}}
    text = markdown(evaluation("a", SOURCES, overlap={"ngram": 8, "tasks": counts}))
    assert "a: 2 of 100 test rows stand word for word in the training samples of b, 5 share 8 words in a row" in text
    assert "samples of c" not in text
    clean = {"ngram": 8, "tasks": {"c": counts["c"]}}
    assert "No test row shares 8 words in a row" in markdown(evaluation("a", SOURCES, overlap=clean))


def test_protocol_states_rows_draws_and_seeds():
    seeds = {**SOURCES, "generated": result(0.9, seeds=3, std_over_seeds=0.02)}
    text = section(markdown(evaluation("a", seeds), evaluation("b", seeds)), "Protocol")
    assert "Scored: 100 test rows of each held-out task." in text
    assert "`generated` is 5 draws of prompts from each of 3 decoder seeds" in text
    assert "Seed of the experiment: 7." in text
    other = {**evaluation("b", SOURCES), "n": 60}
    assert "Scored: a 100 (test), b 60 (test)." in markdown(evaluation("a", SOURCES), other)


def test_many_tasks_are_rows():
    text = markdown(*(evaluation(f"task{number}", SOURCES) for number in range(24)))
    assert "| source | base | trained_mean | weight_average | generated/shuffled_prompts | generated |" in text
    assert "| task23 | 0.200 | 0.600 | 0.700 | 0.800 | 0.900 |" in text
    assert max(line.count("|") for line in text.splitlines()) <= 13


def test_paper_beside_ours_for_its_base_model_and_tasks_only():
    paper = read_paper_numbers(PUBLISHED)
    ours = evaluation("arc_challenge", {**SOURCES, "base": result(0.44, official=0.4)}, provenance=PAPER_MODEL)
    text = section(markdown(ours, paper=paper), "The paper's numbers beside ours")
    assert "| `base`, paper | 0.383 |" in text
    assert "| `base`, ours | 0.440 |" in text
    assert "| `base`, ours, published scorer | 0.400 |" in text
    assert "| `generated`, paper | 0.516 |" in text
    for other in (evaluation("arc_challenge", SOURCES), evaluation("social_iqa", SOURCES, provenance=PAPER_MODEL)):
        assert "paper's numbers" not in markdown(other, paper=paper)


def test_void_column_of_the_paper_is_not_a_number():
    text = markdown(evaluation("piqa", SOURCES, provenance=PAPER_MODEL), paper=read_paper_numbers(PUBLISHED))
    assert "| `generated`, paper | void |" in text
    assert "piqa is void in the paper: the published test file gives every row the answer [A]" in text


def test_evaluations_of_two_experiments_make_no_summary():
    with pytest.raises(ValueError, match=r"\['other', 'toy'\], expected those of one experiment"):
        summary_text([evaluation("a", SOURCES), {**evaluation("b", SOURCES), "experiment": "other"}])


def test_csv_has_a_row_per_task_and_source():
    counted = {**SOURCES, "base": result(0.2, acc=0.31, acc_norm=0.32)}
    rows = summary_rows([evaluation("a", SOURCES), evaluation("b", counted)])
    assert len(rows) == 2 * len(SOURCES)
    row = rows[(rows["held_out"] == "b") & (rows["source"] == "base")].iloc[0]
    assert (row["difference"], row["difference_low"], row["mcnemar_p"]) == pytest.approx((0.7, 0.66, 0.5))
    assert (row["majority"], row["acc"], row["acc_norm"]) == (0.3, 0.31, 0.32)
    generated = rows[rows["source"] == "generated"].iloc[0]
    assert (generated["draws"], generated["std_over_draws"]) == (5, 0.011)
    assert pd.isna(generated["difference"])


def test_written_summary(tmp_path):
    write_record(tmp_path / "a.json", evaluation("a", SOURCES))
    image, caption = tmp_path / "figures/accuracy.png", tmp_path / "accuracy.rst"
    image.parent.mkdir()
    image.write_bytes(b"\x89PNG")
    caption.write_text("Look for\nthe ``circle``.\n")
    outputs = [tmp_path / name for name in ("s.csv", "s.md", "s.html")]
    write_summary([tmp_path / "a.json"], *outputs, PUBLISHED, {image: caption})
    csv, text, page = (path.read_text() for path in outputs)
    assert csv.startswith("experiment,held_out,source,n,chance")
    assert "![accuracy](figures/accuracy.png)\n\nLook for the `circle`." in text
    assert '<img src="data:image/png;base64,iVBORw=="' in page
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)""", page)


def test_predictions_that_are_given_are_resampled_and_noted(tmp_path):
    paths = []
    for task in "ab":
        write_record(tmp_path / f"{task}.json", evaluation(task, SOURCES))
        tables = [
            pd.DataFrame({"source": source, "id": ["x", "y"], "response": "yes", "text": "yes", "ended": True,
                          "valid": True, "right": right})
            for source, right in (("base", False), ("generated/draw_0", True))
        ]  # fmt: skip
        paths.append(tmp_path / f"{task}.predictions.parquet")
        write_table(paths[-1], pd.concat(tables, ignore_index=True), {})
    outputs = [tmp_path / name for name in ("s.csv", "s.md", "s.html")]
    write_summary([tmp_path / "a.json", tmp_path / "b.json"], *outputs, PUBLISHED, {}, paths)
    text = (tmp_path / "s.md").read_text()
    assert "| base | +1.000 | +1.000 to +1.000 | < 0.001 |" in text.split("### Tasks, seeds, draws and rows at once")[1]
    assert str(paths[1]) in (tmp_path / "s.run.json").read_text()


def test_page_shows_the_cells_and_escapes_them():
    page = to_html(summary_text([evaluation("a<b", SOURCES)]), "toy & more", PROJECT)
    assert "<title>toy &amp; more</title>" in page
    assert ">a&lt;b</th>" in page
    (row,) = re.findall(r"<td><em>chance</em></td>.*?</tr>", page, re.DOTALL)
    assert re.findall("[0-9.]+(?=</td>)", row) == ["0.250", "0.250"]
    assert "<code>weight_average</code>" in page
