"""An evaluation from samples and adapters to its files, and the tables made of it."""

import pandas as pd
import pytest
import torch

from p2w.config.evaluation import EvaluationConfig
from p2w.config.lora import LoraSettings
from p2w.evaluation.answers import officially_right
from p2w.evaluation.evaluate import chance_level, evaluate, predict, select_rows
from p2w.runtime.files import read_json
from p2w.runtime.progress import silent
from tests.support.adapters import write_random
from tests.support.answer_tables import assert_alike
from tests.support.recount import assert_same, recount
from tests.support.toy_evaluation import write_toy


def test_select_rows(tiny_samples):
    chosen = select_rows(tiny_samples, 9, seed=1)
    assert len(chosen) == 9
    assert chosen.equals(select_rows(tiny_samples, 9, seed=1))
    assert not chosen.equals(select_rows(tiny_samples, 9, seed=2))
    assert len(select_rows(tiny_samples, 1000, seed=1)) == len(tiny_samples)


def test_chance_is_that_of_each_row():
    assert chance_level(pd.DataFrame({"choices": [["a", "b"], ["a", "b", "c", "d"]]})) == pytest.approx(0.375)


def test_whole_evaluation_can_be_recounted(tiny_base_model, tiny_samples, tmp_path):
    samples_path, folder = write_toy(tmp_path, tiny_base_model, tiny_samples)
    adapters = {"trained/toy": folder, "generated/draw_0": folder}
    output, answers = tmp_path / "e.json", tmp_path / "e.predictions.parquet"
    config = EvaluationConfig(max_rows=15, batch_tokens=600)
    subject = {"experiment": "toy", "held_out": "held", "base": tiny_base_model, "config": config, "seed": 0}
    inputs = {"samples_path": samples_path, "adapters": adapters, "prompt_samples": {"toy": samples_path}}
    evaluate(**subject, **inputs, output=output, predictions_path=answers)
    result, table = read_json(output), pd.read_parquet(answers)
    assert result["n"] == 15
    assert list(table["source"].unique()) == ["base", "trained/toy", "generated/draw_0"]
    expected = recount(table.to_dict("records"), officially_right, resample=False)
    assert_same({key: result[key] for key in expected}, expected)
    assert result["overlap"]["tasks"]["toy"]["exact"] == 15  # the rows themselves were given as seen
    assert {"config", "seed", "code_sha256", "versions", "inputs"} <= set(result["provenance"])


@pytest.mark.parametrize("batch_tokens", [1, 500, 10**5])
def test_sources_side_by_side_answer_as_each_alone(tiny_base_model, tiny_samples, tmp_path, batch_tokens):
    """Whether one source is in a batch, some of them or all."""
    adapters = {
        f"trained/{seed}": write_random(
            tmp_path / str(seed), tiny_base_model, LoraSettings(rank=1 + seed, alpha=4), seed, scale=0.2
        )
        for seed in range(4)
    }

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
            assert_alike(one, same)
