"""The map of adapters: the same inner products and the same plane as from ΔW written out."""

import pytest
import torch

from p2w.report.weight_map import inner_products, principal_plane

SHAPES = {"model.layers.0.self_attn.q_proj": (11, 7), "model.layers.1.mlp.down_proj": (5, 13)}
RANK = 3


def adapters(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = []
    for number in range(count):
        tensors = {}
        for module, (rows, columns) in SHAPES.items():
            tensors[f"{module}.lora_A.weight"] = torch.randn(RANK, columns, generator=generator)
            tensors[f"{module}.lora_B.weight"] = torch.randn(rows, RANK, generator=generator)
        made.append((tensors, 0.5 + number))
    return made


def written_out(tensors, scale):
    """ΔW of all modules as one vector."""
    parts = [scale * tensors[f"{m}.lora_B.weight"] @ tensors[f"{m}.lora_A.weight"] for m in SHAPES]
    return torch.cat([part.double().flatten() for part in parts])


def test_inner_products_are_those_of_the_weight_changes():
    made = adapters(6)
    vectors = torch.stack([written_out(*adapter) for adapter in made])
    torch.testing.assert_close(inner_products(made), vectors @ vectors.T, rtol=1e-5, atol=1e-4)


def test_inner_products_do_not_depend_on_how_the_change_is_factored():
    ((tensors, scale),) = adapters(1)
    mix = torch.tensor([[2.0, 1, 0], [0, 1, 1], [1, 0, 3]])
    other = {
        name: tensor @ mix if "lora_B" in name else torch.linalg.solve(mix, tensor) for name, tensor in tensors.items()
    }
    products = inner_products([(tensors, scale), (other, scale)])
    torch.testing.assert_close(products, products[0, 0].expand(2, 2), rtol=1e-5, atol=1e-5)


def test_plane_is_that_of_a_full_singular_value_decomposition():
    made = adapters(7, seed=3)
    vectors = torch.stack([written_out(*adapter) for adapter in made])
    centred = vectors - vectors.mean(0)
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    coordinates, shares = principal_plane(inner_products(made))
    torch.testing.assert_close(coordinates.abs(), (left * values)[:, :2].abs(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(shares, (values**2 / (values**2).sum())[:2], rtol=1e-4, atol=1e-6)
    assert (coordinates.gather(0, coordinates.abs().argmax(0, keepdim=True)) > 0).all()


def test_equal_adapters_lie_in_one_place():
    (one, scale), (other, _) = adapters(2)
    coordinates, shares = principal_plane(inner_products([(one, scale), (one, scale), (other, scale)]))
    torch.testing.assert_close(coordinates[0], coordinates[1], atol=1e-5, rtol=0)
    assert shares[0] == pytest.approx(1.0)
    _, nowhere = principal_plane(inner_products([(one, scale)] * 3))
    assert nowhere.isfinite().all()


def test_adapters_that_cannot_be_compared():
    made = adapters(2)
    del made[1][0]["model.layers.1.mlp.down_proj.lora_A.weight"]
    with pytest.raises(ValueError, match="different names or shapes"):
        inner_products(made)
    with pytest.raises(ValueError, match="found no adapter"):
        inner_products([])
