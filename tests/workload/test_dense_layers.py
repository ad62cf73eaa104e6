"""Dense layers by their shapes: operations, parameters and memory against published formulas."""

from __future__ import annotations

import pytest

from shardplan.workload.dense.attention import Attention
from shardplan.workload.dense.compression import Compression
from shardplan.workload.dense.concat import Concat
from shardplan.workload.dense.cross import Cross
from shardplan.workload.dense.dot import Dot
from shardplan.workload.dense.fm import Fm
from shardplan.workload.dense.fusion import Fusion
from shardplan.workload.dense.mlp import Mlp

DCNV2 = (
    Mlp((13, 512, 256, 128)),
    Concat(3456),
    Cross(width=3456, rank=512, layers=3),
    Mlp((3456, 1024, 1024, 512, 256, 1)),
)


def forward_flop(layer) -> float:
    """Of one sample."""
    products = [operation.product for operation in layer.operations if operation.product]
    return sum(product.forward(1).flop for product in products)


def test_dlrm_dcnv2_has_the_parameters_and_operations_that_mlcommons_counts():
    """And keeps 38 KB per sample in two bytes an element."""
    assert sum(layer.parameters for layer in DCNV2) == 16_046_081
    assert sum(map(forward_flop, DCNV2)) == pytest.approx(32.06e6, rel=1e-4)
    kept = [operation.kept for layer in DCNV2 for operation in layer.operations]
    assert 2 * sum(kept) == pytest.approx(38e3, rel=0.01)


@pytest.mark.parametrize(
    ("layer", "flop", "parameters"),
    [
        (Mlp((7, 11)), 2 * 7 * 11, 7 * 11 + 11),
        (Concat(100), 0, 0),
        (Dot(features=27, dim=128), 2 * 27**2 * 128, 0),
        (Cross(width=60, layers=1), 2 * 60**2, 60**2 + 60),
        (Cross(width=60, layers=2, rank=5), 2 * 4 * 60 * 5, 2 * (2 * 60 * 5 + 60 + 5)),
        (Fm(features=30, dim=16, columns=8), 4 * 30 * 16 * 8, 30 * 8),
        (Compression(features=30, to=12, dim=16), 2 * 12 * 30 * 16, 12 * 30),
        (Attention(features=9, dim=32), 8 * 9 * 32**2 + 4 * 9**2 * 32, 4 * (32**2 + 32)),
    ],
    ids=lambda value: getattr(value, "keyword", ""),
)
def test_a_layer_counts_what_its_formula_says(layer, flop, parameters):
    assert forward_flop(layer) == flop
    assert layer.parameters == parameters


@pytest.mark.parametrize("layer", [Dot(27, 128), Cross(60, 2, 5), Fm(30, 16, 8), Attention(9, 32)])
def test_the_gradients_of_a_product_take_twice_its_operations(layer):
    """Of its input, and of its weights or its other factor; in every batch."""
    for operation in layer.operations:
        product = operation.product
        gradients = product.input_gradient(5).flop + product.other_gradient(5).flop
        assert gradients == 2 * product.forward(5).flop


def test_elementwise_work_is_what_the_published_count_says():
    """Two elements per value of a concat each way; of a cross layer 4 and 8 per value of x."""
    (concat,) = Concat(100).operations
    for fusion in Fusion:
        assert concat.moved_forward.under(fusion) == concat.moved_backward.under(fusion) == 200
    (dot,) = Dot(27, 128).operations
    assert dot.moved_forward.fused == 27 * 128 + 27 * 26 // 2
    cross, plain = Cross(60, 1).operations[0], Mlp((60, 60)).operations[0]
    assert cross.moved_forward.fused - plain.moved_forward.fused == 4 * 60
    assert cross.moved_backward.fused - plain.moved_backward.fused == 8 * 60


def test_a_framework_that_computes_activations_in_products_passes_over_cross_layers_alone():
    """As its kernels read and write: x0, the product and x in, x out; backward four and four."""
    plain, cross = Mlp((60, 60)).operations[0], Cross(60, 1).operations[0]
    assert plain.moved_forward.in_products == plain.moved_backward.in_products == 0
    assert cross.moved_forward.in_products == 4 * 60
    assert cross.moved_backward.in_products == 8 * 60


def test_operators_by_themselves_read_what_they_take_and_write_what_they_give():
    """Written out: ReLU; its gradient and the bias's; a product and a sum; and their gradients."""
    plain, cross = Mlp((60, 60)).operations[0], Cross(60, 1).operations[0]
    relu, relu_gradient, bias_gradient, of_two = 1 + 1, 2 + 1, 1, 2 + 1
    assert plain.moved_forward.separate == relu * 60
    assert plain.moved_backward.separate == (relu_gradient + bias_gradient) * 60
    assert cross.moved_forward.separate == (of_two + of_two) * 60
    assert cross.moved_backward.separate == (4 * of_two + bias_gradient) * 60
    narrow = Cross(60, 1, 8).operations[0]
    assert narrow.moved_forward.separate == narrow.moved_backward.separate == 0


def test_the_more_is_fused_the_less_is_moved():
    for layer in (Mlp((60, 30)), Cross(60, 2, 5), Cross(60, 1), Dot(27, 128), Concat(9)):
        for each in ("moved_forward", "moved_backward"):
            moved = [sum(getattr(op, each).under(f) for op in layer.operations) for f in Fusion]
            assert moved == sorted(moved)
