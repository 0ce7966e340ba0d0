"""What a decoder makes of other prompts: the same way of drawing, other conditions, each an adapter on disk."""

import pytest
import torch

from p2w.adapters.peft_folder import read_adapter
from p2w.controls.from_generator import write_constant, write_prompt_controls
from p2w.generators.generating import generate_adapters
from p2w.generators.generation import mean_condition
from p2w.prompts.states import PromptStates
from p2w.runtime.files import read_json, sha256
from tests.support.held_out_world import train

WEIGHTS = "adapter_model.safetensors"


def prompts(states):
    """Prompts of equal length, given as a tensor (prompts, L, C)."""
    return PromptStates.from_states([state.numpy() for state in states], states.shape[1])


def test_mean_condition_counts_every_task_alike():
    one, other = torch.full((2, 3, 5), 1.0), torch.full((7, 3, 5), 4.0)
    condition = mean_condition([prompts(one), prompts(other)], num_prompts=11, block=3)
    assert condition.shape == (11, 3, 5)
    assert condition.unique().tolist() == [2.5]


def test_mean_condition_is_the_mean_of_the_prompts():
    states = torch.randn(7, 3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mean_condition([prompts(states)], 2, block=2)[1], states.mean(0))


@pytest.fixture
def decoder(held_out_world, tmp_path):
    return train(held_out_world, tmp_path)


def test_controls_are_drawn_as_the_method_draws(held_out_world, decoder, tmp_path):
    held = held_out_world / "held.embeddings.parquet"
    generate_adapters(decoder, held, 5, {2: tmp_path / "own" / WEIGHTS})
    controls = {"foreign_prompts": held_out_world / "piqa.embeddings.parquet", "shuffled_prompts": held}
    write_prompt_controls(decoder, {2: controls}, 5, tmp_path)
    own, foreign = sha256(tmp_path / "own" / WEIGHTS), sha256(tmp_path / "foreign_prompts/draw_2" / WEIGHTS)
    assert own == sha256(tmp_path / "shuffled_prompts/draw_2" / WEIGHTS)  # the same prompts make the same adapter
    assert own != foreign
    assert read_json(tmp_path / "foreign_prompts/draw_2/run.json")["choice"] == {"prompts_of": "piqa"}
    assert read_adapter(tmp_path / "foreign_prompts/draw_2")[1]["r"] == 2


def test_constant_needs_no_prompt_of_the_held_out_task(held_out_world, decoder, tmp_path):
    paths = [held_out_world / f"{task}.embeddings.parquet" for task in ("boolq", "piqa")]
    for folder in ("a", "b"):
        write_constant(decoder, paths, tmp_path / folder)
    assert sha256(tmp_path / "a" / WEIGHTS) == sha256(tmp_path / "b" / WEIGHTS)
    tensors, _ = read_adapter(tmp_path / "a")
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert read_json(tmp_path / "a" / "run.json")["config"] == {"held_out": ["held"], "control": "constant"}
