"""How tables begin is read as PyTorch's own functions give it."""

from __future__ import annotations

from functools import partial

import pytest

pytest.importorskip("torch")

import torch
from torch.nn import init

from shardplan.model.initial_weights import Normal, Uniform, by_shape, initial_weights

ROWS, DIM = 400, 80


@pytest.mark.parametrize(
    ("init_fn", "wanted", "name"),
    [
        (partial(init.uniform_, a=-0.5, b=0.25), Uniform(-0.5, 0.25), ""),
        (init.uniform_, Uniform(0.0, 1.0), ""),
        (partial(init.uniform_, a=-(ROWS**-0.5), b=ROWS**-0.5), None, ""),
        (partial(init.constant_, val=0.5), Uniform(0.5, 0.5), ""),
        (init.zeros_, Uniform(0.0, 0.0), ""),
        (partial(init.normal_, mean=1.0, std=0.1), Normal(1.0, 0.1), ""),
        (partial(init.normal_, mean=1.0, std=0.0), Uniform(1.0, 1.0), ""),
        (partial(init.trunc_normal_, std=0.5, a=-1, b=1), Normal(0.0, 0.5, -1.0, 1.0), ""),
        (init.orthogonal_, None, "orthogonal_"),
        (partial(init.uniform_, generator=None), None, "uniform_"),
        (lambda weight: init.uniform_(weight), None, "<lambda>"),
    ],
)
def test_a_start_of_each_weight_by_itself_is_read_and_any_other_is_named(init_fn, wanted, name):
    assert initial_weights(init_fn, ROWS, DIM) == (wanted, name)


@pytest.mark.parametrize(
    "init_fn",
    [
        init.xavier_uniform_,
        partial(init.xavier_normal_, gain=2.0),
        init.kaiming_uniform_,
        partial(init.kaiming_normal_, mode="fan_out", nonlinearity="relu"),
        partial(init.kaiming_uniform_, a=1.0, nonlinearity="tanh"),
    ],
)
def test_a_start_by_the_shape_of_a_table_is_the_same_on_a_part_of_it(init_fn):
    torch.manual_seed(0)
    whole = init_fn(torch.empty(ROWS, DIM))
    part = by_shape(init_fn, ROWS, DIM)(torch.empty(ROWS, DIM // 8))
    assert float(part.std()) == pytest.approx(float(whole.std()), rel=0.03)
    assert float(part.abs().max()) == pytest.approx(float(whole.abs().max()), rel=0.25)


def test_other_functions_are_left_as_they_are():
    for init_fn in (init.uniform_, partial(init.normal_, std=0.1), print):
        assert by_shape(init_fn, ROWS, DIM) is init_fn
