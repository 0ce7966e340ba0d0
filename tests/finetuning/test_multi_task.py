"""The multi-task control: all tasks alike, one task's budget, an ordinary adapter."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.adapters.peft_folder import read_adapter
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.finetuning.multi_task import pool_samples, train_multi_task
from p2w.runtime.files import read_json, sha256

LORA = LoraSettings(rank=2, alpha=4)
CONFIG = FinetuneConfig(max_samples=13, batch_size=5, learning_rate=1e-3, max_length=128)


def table(count):
    return pd.DataFrame({"id": [str(i) for i in range(count)], "answer": 0, "response": "x"})


def counts(pooled):
    return pooled["id"].str.split("/").str[0].value_counts().to_dict()


def test_tasks_share_the_budget_evenly():
    pooled = pool_samples({"b": table(30), "a": table(30), "c": table(30)}, 20, seed=0)
    assert counts(pooled) == {"a": 7, "b": 7, "c": 6}
    assert pooled["id"].is_unique


def test_what_a_small_task_lacks_goes_to_the_others():
    assert counts(pool_samples({"a": table(2), "b": table(30), "c": table(30)}, 20, seed=0)) == {"a": 2, "b": 9, "c": 9}


@given(st.lists(st.integers(1, 40), min_size=1, max_size=7), st.integers(7, 60))
def test_pool_is_as_large_as_the_budget_allows(sizes, most):
    pooled = pool_samples({f"t{i}": table(size) for i, size in enumerate(sizes)}, most, seed=1)
    assert len(pooled) == min(most, sum(sizes))
    found = counts(pooled)
    unfilled = [found[f"t{i}"] for i, size in enumerate(sizes) if found[f"t{i}"] < size]
    assert not unfilled or max(found.values()) - min(unfilled) <= 1


def test_more_tasks_than_samples():
    with pytest.raises(ValueError, match="found 3 tasks for 2 samples"):
        pool_samples({name: table(5) for name in "abc"}, 2, seed=0)


def test_without_epochs_it_sees_as_many_samples_as_it_is_told(tiny_base_model, tiny_samples, tmp_path):
    """Pooled rows that are fewer than these come again: 13 of 2 x 5 rows are two epochs of 10."""
    tables = dict.fromkeys(("other", "toy"), tiny_samples.iloc[:5])
    train_multi_task(tiny_base_model, LORA, CONFIG, 1, tables, None, tmp_path)
    run = read_json(tmp_path / "run.json")
    assert (run["rows"], [len(losses) for losses in run["losses"]]) == (10, [2, 2])


def test_trained_adapter_repeats_and_explains_itself(tiny_base_model, tiny_samples, tmp_path):
    tables = {"toy": tiny_samples, "other": tiny_samples.assign(prompt=tiny_samples["prompt"] + " so?")}
    for folder in ("a", "b"):
        train_multi_task(tiny_base_model, LORA, CONFIG, 1, tables, 2, tmp_path / folder, record={"seed": 1})
    weights = "adapter_model.safetensors"
    assert sha256(tmp_path / "a" / weights) == sha256(tmp_path / "b" / weights)
    tensors, _ = read_adapter(tmp_path / "a")
    assert any(tensor.abs().max() > 0 for name, tensor in tensors.items() if "lora_B" in name)
    run = read_json(tmp_path / "a" / "run.json")
    assert (run["tasks"], run["rows"], run["seed"]) == (["other", "toy"], 13, 1)
    assert [len(losses) for losses in run["losses"]] == [3, 3]
