"""The evaluation file: counted from predictions alone, in the order and with the keys of the contract."""

import numpy as np
import pandas as pd
import pytest
import torch

from p2w.adapters import LoraSettings, write_adapter
from p2w.base_model import BaseModel
from p2w.evaluation import EvaluationConfig, chance_level, evaluate, predict, select_rows
from p2w.evaluation_file import evaluation_file
from p2w.files import read_json
from p2w.progress import silent
from p2w.samples import write_samples
from p2w.summary import evaluation_table, summary_markdown, summary_rows
from p2w.training import add_adapter, trainable

KEYS = {"accuracy", "valid", "accuracy_when_valid", "choice_accuracy", "ci95", "adapters"}
ORDER = [
    "base",
    "trained/boolq",
    "trained/piqa",
    "trained_mean",
    "best_trained",
    "weight_average",
    "target_trained",
    "generated",
]


def predictions(right_by_source, rows=10):
    """Each source answers its first rows rightly and the others not at all."""
    tables = [
        pd.DataFrame(
            {
                "id": range(rows),
                "gold": 1,
                "prediction": [1] * right + [-1] * (rows - right),
                "choice": 1,
                "source": source,
            }
        )
        for source, right in right_by_source.items()
    ]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def evaluation():
    rights = {"base": 1, "trained/piqa": 4, "trained/boolq": 6, "weight_average": 7, "target_trained": 10}
    rights |= {"generated/draw_0": 5, "generated/draw_1": 8, "generated/draw_2": 8}
    return evaluation_file(predictions(rights), "toy", "arc_easy", "test", 0.25)


def test_sources_in_order_with_all_keys(evaluation):
    assert list(evaluation["sources"]) == ORDER
    assert (evaluation["n"], evaluation["chance"], evaluation["split"]) == (10, 0.25, "test")
    for result in evaluation["sources"].values():
        assert set(result) >= KEYS


def test_aggregates(evaluation):
    sources = evaluation["sources"]
    assert sources["base"]["adapters"] == 0
    assert sources["trained_mean"]["accuracy"] == pytest.approx(0.5)
    assert sources["trained_mean"]["adapters"] == 2
    assert (sources["best_trained"]["task"], sources["best_trained"]["accuracy"]) == ("boolq", 0.6)
    assert sources["generated"]["accuracy"] == pytest.approx(0.7)
    assert sources["generated"]["draws"] == 3
    assert sources["generated"]["std_over_draws"] == pytest.approx(0.173205, abs=1e-6)


def test_a_single_draw_is_still_a_draw():
    result = evaluation_file(predictions({"base": 1, "generated/draw_0": 3}), "toy", "x", "test", 0.5)
    assert result["sources"]["generated"]["draws"] == 1


def test_select_rows(tiny_samples):
    chosen = select_rows(tiny_samples, 9, seed=1)
    assert len(chosen) == 9
    assert chosen.equals(select_rows(tiny_samples, 9, seed=1))
    assert not chosen.equals(select_rows(tiny_samples, 9, seed=2))
    assert len(select_rows(tiny_samples, 1000, seed=1)) == len(tiny_samples)


def test_unlabeled_rows_cannot_be_evaluated(tiny_samples):
    tiny_samples.loc[5, "answer"] = pd.NA
    with pytest.raises(ValueError, match="row 'toy-5' has no answer"):
        select_rows(tiny_samples, 100, seed=0)


def test_chance_is_that_of_each_row():
    assert chance_level(pd.DataFrame({"choices": [["a", "b"], ["a", "b", "c", "d"]]})) == pytest.approx(0.375)


def write_toy(tmp_path, base, samples):
    samples_path, folder = tmp_path / "test.parquet", tmp_path / "adapter"
    write_samples(samples_path, samples, {})
    model, config = add_adapter(base.load(), LoraSettings(rank=2, alpha=4), base)
    tensors = {name: torch.full_like(p, 0.05) for name, p in trainable(model).items()}
    write_adapter(folder, tensors, config)
    return samples_path, folder


def test_whole_evaluation_can_be_recounted(tiny_base_model, tiny_samples, tmp_path):
    samples_path, folder = write_toy(tmp_path, tiny_base_model, tiny_samples)
    adapters = {"trained/toy": folder, "generated/draw_0": folder}
    output, answers = tmp_path / "e.json", tmp_path / "e.predictions.parquet"
    config = EvaluationConfig(max_rows=15, batch_tokens=600)
    evaluate("toy", "held", tiny_base_model, config, 0, samples_path, adapters, output, answers)
    result, table = read_json(output), pd.read_parquet(answers)
    assert result["n"] == 15
    assert list(table["source"].unique()) == ["base", "trained/toy", "generated/draw_0"]
    for source, group in table.groupby("source"):
        recounted = (group["prediction"] == group["gold"]).mean()
        name = source.removesuffix("/draw_0")
        assert result["sources"][name]["accuracy"] == pytest.approx(recounted)
        assert result["sources"][name]["choice_accuracy"] == pytest.approx((group["choice"] == group["gold"]).mean())
    assert {"config", "seed", "code_sha256", "versions", "inputs"} <= set(result["provenance"])


@pytest.mark.parametrize("batch_tokens", [1, 500, 10**5])
def test_sources_side_by_side_answer_as_each_alone(tiny_base_model, tiny_samples, tmp_path, batch_tokens):
    """Whether one source is in a batch, some of them or all."""
    adapters = {}
    for seed in range(4):
        model, config = add_adapter(tiny_base_model.load(), LoraSettings(rank=1 + seed, alpha=4), tiny_base_model)
        generator = torch.Generator().manual_seed(seed)
        tensors = {name: torch.randn(p.shape, generator=generator) * 0.2 for name, p in trainable(model).items()}
        write_adapter(tmp_path / str(seed), tensors, config)
        adapters[f"trained/{seed}"] = tmp_path / str(seed)

    def answers(chosen, batch_tokens, report=silent):
        config = EvaluationConfig(max_rows=22, batch_tokens=batch_tokens, option_text=True)
        return predict(tiny_base_model, tiny_samples, chosen, config, torch.device("cpu"), report)

    counts = []
    found = answers(adapters, batch_tokens, lambda done, total, _note: counts.append((done, total)))
    assert counts[-1] == (5 * 22, 5 * 22)
    assert list(found["source"].unique()) == ["base", *adapters]
    assert found["text"].nunique() > 5
    for name, folder in adapters.items():
        alone = answers({name: folder}, 700)
        for source in ("base", name):
            one, same = (table[table["source"] == source].reset_index(drop=True) for table in (alone, found))
            assert one.drop(columns="likelihoods").equals(same.drop(columns="likelihoods"))
            difference = np.stack(one["likelihoods"].to_list()) - np.stack(same["likelihoods"].to_list())
            assert np.abs(difference).max() < 1e-4


def test_adapter_of_another_base_model(tiny_base_model, tiny_samples, tmp_path):
    samples_path, folder = write_toy(tmp_path, tiny_base_model, tiny_samples)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(tiny_base_model.name)
    other = BaseModel(path=str(elsewhere))
    config = EvaluationConfig(max_rows=5, batch_tokens=600)
    with pytest.raises(ValueError, match="found an adapter of base model"):
        evaluate("t", "h", other, config, 0, samples_path, {"trained/x": folder}, tmp_path / "o", tmp_path / "p")


def test_table_for_a_terminal(evaluation):
    text = evaluation_table(evaluation)
    assert "held-out task arc_easy, 10 test rows, chance 0.25" in text
    assert "generated                       0.700" in text
    assert "3 draws, std 0.173" in text


def test_summary_over_tasks(evaluation):
    rows = summary_rows([evaluation, {**evaluation, "held_out": "piqa"}])
    assert len(rows) == 2 * len(ORDER)
    markdown = summary_markdown(rows)
    assert "| source | arc_easy | piqa | mean |" in markdown
    assert "| generated | 0.700 | 0.700 | 0.700 |" in markdown
    assert "| *chance* | 0.250 | 0.250 | 0.250 |" in markdown
    assert "trained/boolq" not in markdown
