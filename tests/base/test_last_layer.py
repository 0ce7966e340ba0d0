"""The last layer's feed-forward network is computed where it is read: the same states there, the same gradients."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, MixtralConfig, MixtralForCausalLM, PreTrainedModel

from p2w.base.base_model import load_model
from p2w.base.last_layer import NOWHERE, last_network_at, window
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings
from p2w.finetuning.adapted_base import keep_less, load_adapted

IDS = torch.arange(3 * 11).view(3, 11) % 97
WANTED = torch.zeros(3, 11, dtype=torch.bool)
WANTED[0, 2:5] = WANTED[1, 9:] = WANTED[2, 7] = True
LORA = LoraSettings(rank=3, alpha=5, dropout=0.0, target_modules="all-linear", init_seed=1)


@pytest.fixture
def model(tiny_base_model: BaseModel) -> PreTrainedModel:
    return load_model(tiny_base_model)


def last_states(model: PreTrainedModel) -> Tensor:
    return model.base_model(input_ids=IDS, use_cache=False).last_hidden_state


def rows_through(model: PreTrainedModel, compute: Callable[[], object]) -> list[int]:
    """How many positions each layer's network is computed for."""
    counts: list[int] = []

    def count(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        counts.append(inputs[0].shape[:-1].numel())

    handles = [layer.mlp.down_proj.register_forward_hook(count) for layer in model.base_model.layers]
    compute()
    for handle in handles:
        handle.remove()
    return counts


def test_a_window_has_all_that_is_wanted_and_as_many_of_each_row() -> None:
    rows, columns = window(WANTED)
    assert rows.tolist() == [[0], [1], [2]]
    assert columns.tolist() == [[2, 3, 4], [8, 9, 10], [7, 8, 9]]
    assert window(WANTED[:, :10])[1].tolist() == [[2, 3, 4], [7, 8, 9], [7, 8, 9]]


def test_what_is_wanted_nowhere_in_a_row_is_no_window() -> None:
    wanted = WANTED.clone()
    wanted[1] = False
    assert window(wanted)[1].tolist() == [[*range(11)]] * 3


@torch.no_grad()
def test_states_are_the_same_where_they_are_read(model: PreTrainedModel) -> None:
    whole = last_states(model)
    read = window(WANTED)
    with last_network_at(model, read):
        counts = rows_through(model, lambda: torch.testing.assert_close(last_states(model)[read], whole[read]))
    assert counts == [33, 9]
    torch.testing.assert_close(last_states(model), whole, rtol=0, atol=0)


@torch.no_grad()
def test_nothing_is_computed_where_nothing_is_read(model: PreTrainedModel) -> None:
    with last_network_at(model, NOWHERE):
        assert rows_through(model, lambda: last_states(model)) == [33, 0]


@pytest.mark.parametrize("less", [False, True])
def test_gradients_of_an_adapter_are_the_same(tiny_base_model: BaseModel, less: bool) -> None:
    """Where layers are computed once more, all is computed: their second time is outside the block."""
    adapted = load_adapted(tiny_base_model, LORA)
    if less:
        keep_less(adapted.model)
    parameters, read = adapted.new_adapter(0), window(WANTED)
    with torch.no_grad():
        for number, parameter in enumerate(parameters.values()):
            parameter += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)) / 10

    def gradients(block: object) -> list[Tensor]:
        with adapted.with_adapter(parameters):
            with block:
                loss = last_states(adapted.model)[read].square().sum()
            return list(torch.autograd.grad(loss, list(parameters.values())))

    whole = gradients(nullcontext())
    torch.testing.assert_close(gradients(last_network_at(adapted.model, read)), whole, rtol=1e-4, atol=1e-6)


SMALL = {"vocab_size": 97, "num_attention_heads": 2, "max_position_embeddings": 64}
OTHERS = {
    "experts": lambda: MixtralForCausalLM(
        MixtralConfig(**SMALL, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_key_value_heads=2,
                      num_local_experts=3)
    ),
    "another layout": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=97, n_embd=12, n_layer=2, n_head=2)),
}  # fmt: skip


@torch.no_grad()
@pytest.mark.parametrize("kind", OTHERS)
def test_a_model_of_another_kind_is_computed_whole(kind: str) -> None:
    torch.manual_seed(0)
    model = OTHERS[kind]().eval()
    whole = last_states(model)
    with last_network_at(model, NOWHERE):
        torch.testing.assert_close(last_states(model), whole, rtol=0, atol=0)
