"""A generator made small makes nearly the same adapters, of the same tasks."""

import pytest
import torch

from p2w.generators.generator_file import load_generator
from p2w.generators.ridge import Ridge
from p2w.using.compacting import LARGEST, PRECISIONS, compact, write_compact
from p2w.using.generator_folder import WEIGHTS
from tests.support.generator_folders import TASKS, opened, quiet

PROMPTS = ["which of these can swim", "is a stone heavy"]


@pytest.fixture
def embeddings(held_out_world):
    return [held_out_world / f"{task}.embeddings.parquet" for task in TASKS]


@pytest.mark.parametrize(("precision", "near"), [("float16", 1e-2), ("float8", 1e-1), ("int4", 4e-1)])
def test_with_all_directions_it_is_the_same_generator_in_few_bits(
    generator_folder, embeddings, tmp_path, precision, near
):
    write_compact(generator_folder, embeddings, len(TASKS) - 1, tmp_path / "small", precision)
    first, second = (quiet(opened(folder), PROMPTS) for folder in (generator_folder, tmp_path / "small"))
    for name, tensor in first.tensors.items():
        torch.testing.assert_close(second.tensors[name], tensor, atol=near, rtol=near)
    for task, share in first.record["made_of"].items():
        assert second.record["made_of"][task] == pytest.approx(share, abs=near)
    assert first.record["nearest"] == second.record["nearest"]
    for task in TASKS:
        theirs, ours = (opened(folder).of_task(task).tensors for folder in (generator_folder, tmp_path / "small"))
        for name, tensor in theirs.items():
            torch.testing.assert_close(ours[name], tensor, atol=near, rtol=near)
    assert "compact_generator" in (tmp_path / "small/run.json").read_text()
    kept = load_generator(tmp_path / "small" / WEIGHTS)
    assert (kept.residuals.dtype, kept.weights_mean.dtype) == (PRECISIONS[precision], torch.float16)
    assert kept.residuals.float().abs().amax(1).tolist() == pytest.approx([LARGEST] * (len(TASKS) - 1), rel=1e-3)
    assert opened(tmp_path / "small").of_no_prompt().tensors.keys() == first.tensors.keys()


def test_what_is_kept_is_what_the_training_tasks_own_prompts_need_most():
    """Two tasks whose adapters differ, and two that hardly do: one direction is that of the first two."""
    residuals = torch.tensor([[0, 3.0, 0], [0, -3, 0], [1, 0, 0], [-1, 0, 0]])
    ridge = Ridge(
        features=torch.zeros(4), mixing=torch.eye(4), weights_mean=torch.zeros(3), residuals=residuals,
        positions=0, num_prompts=1, layout=None, metadata={},
    )  # fmt: skip
    small, mixture, own = compact(ridge, residuals, 1)
    assert small.residuals.abs().flatten().tolist() == pytest.approx([0, LARGEST, 0])
    assert (small.mixing.T @ small.residuals.float())[:, 1].tolist() == pytest.approx([3, -3, 0, 0])
    assert mixture[:, 0].abs().tolist() == pytest.approx([LARGEST / 6, LARGEST / 6, 0, 0], abs=1e-3)
    assert (own @ small.residuals.float())[:, 1].tolist() == pytest.approx([3, -3, 0, 0])


@pytest.mark.parametrize("rank", [0, 3])
def test_a_rank_that_it_cannot_have(generator_folder, rank):
    ridge = load_generator(generator_folder / WEIGHTS)
    made = torch.stack([ridge.weights_mean] * len(TASKS))
    with pytest.raises(ValueError, match=f"rank: found {rank}, expected 1 to 2 for 3 training tasks"):
        compact(ridge, made, rank)


def test_prompts_of_other_tasks(generator_folder, embeddings, tmp_path):
    with pytest.raises(ValueError, match=r"found prompts of \['boolq', 'piqa'\], expected those of the training tasks"):
        write_compact(generator_folder, embeddings[:2], 1, tmp_path / "small")
