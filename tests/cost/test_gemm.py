"""Times of matrix products: measured grids, and the roofline."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shardplan.cost.dense.dense_rates import DenseRates
from shardplan.cost.dense.gemm_grid import GemmGrid
from shardplan.cost.dense.gemm_roofline import GemmRoofline
from shardplan.cost.profile.gemm_file import GridFile
from shardplan.cost.profile.grid_table import read_grid
from shardplan.errors import InputError
from shardplan.workload.dense.operation import Shape
from shardplan.workload.dense.precision import Precision

GRIDS = sorted((Path(__file__).parents[2] / "cost_models" / "gemm").glob("*.csv"))
LEFT_OUT = {1536, 3072, 6144}
"""Of the measured n and k, those that are no power of two."""
PUBLISHED_ERROR = {"a100": 0.12, "l40s": 0.12, "rtx-pro-6000": 0.12}
"""Mean |log| between points, by device; of Hopper and Blackwell 0.06."""


def cells(path: Path) -> dict[tuple[int, int, int], float]:
    """Seconds by m, n and k, read in the plainest way."""
    header, *rows = csv.reader(path.read_text().splitlines())
    return {
        (int(row[0]), int(row[1]), int(k)): float(time) * 1e-6
        for row in rows
        for k, time in zip(header[2:], row[2:], strict=True)
    }


def grid(times: dict[tuple[int, int, int], float]) -> GemmGrid:
    m, n, k = (np.array(sorted({key[axis] for key in times}), dtype=float) for axis in range(3))
    array = np.array([[[times[i, j, l] for l in k] for j in n] for i in m])  # noqa: E741
    return GemmGrid((m, n, k), array)


CORNERS = st.lists(st.floats(1e-6, 1e-3), min_size=8, max_size=8)


@given(CORNERS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_between_points_the_log_of_time_is_straight_in_each_log(times, u, v, w):
    """Against one interpolation after another, in numpy."""
    axes = [np.array([32.0, 4096.0]), np.array([64.0, 128.0]), np.array([32.0, 16384.0])]
    cube = np.array(times).reshape(2, 2, 2)
    size = [float(a[0] * (a[1] / a[0]) ** at) for a, at in zip(axes, (u, v, w), strict=True)]
    logs = np.log(cube)
    for axis, at in zip(axes, size, strict=True):
        weight = np.interp(math.log(at), np.log(axis), [0.0, 1.0])
        logs = logs[0] * (1 - weight) + logs[1] * weight
    found = GemmGrid(tuple(axes), cube).seconds(Shape(*size))
    assert found == pytest.approx(math.exp(logs), rel=1e-9)


def test_beyond_the_grid_time_grows_in_proportion_and_below_it_the_edge_holds():
    times = {(m, n, k): m * n * k * 1e-9 for m in (2, 4) for n in (2, 4) for k in (2, 4)}
    gemm = grid(times)
    assert gemm.seconds(Shape(12, 4, 4)) == pytest.approx(3 * times[4, 4, 4])
    assert gemm.seconds(Shape(12, 8, 2)) == pytest.approx(6 * times[4, 4, 2])
    assert gemm.seconds(Shape(1, 4, 1)) == pytest.approx(times[2, 4, 2])


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_products_between_the_points_of_a_shipped_grid_are_within_the_published_error(path):
    """With some sizes left out: the mean over what was left out of |log(predicted / seen)|."""
    every = cells(path)
    kept = {key: time for key, time in every.items() if not LEFT_OUT & set(key[1:])}
    gemm = grid(kept)
    errors = [
        abs(math.log(gemm.seconds(Shape(*key)) / time))
        for key, time in every.items()
        if key not in kept
    ]
    assert len(errors) == len(every) - 11 * 10 * 10
    mean = float(np.mean(errors))
    assert mean <= PUBLISHED_ERROR.get(path.stem, 0.06)
    page = (path.parents[2] / "docs" / "cost-model.md").read_text(encoding="utf-8")
    assert f"\n| {path.stem} | {len(errors)} | {mean:.1%} | {max(errors):.0%} |\n" in page


def test_a_list_of_figures_names_the_grid_in_a_few_words():
    cells = [[[1.0, 2.0]], [[3.0, 4.0]]]
    written = GridFile(m=(8, 16), n=(8,), k=(8, 16), microseconds=cells)
    assert str(written) == "2 x 1 x 2 products"
    assert str(GridFile(file="gemm/h100.csv")) == "products of gemm/h100.csv"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"m": (16, 8)}, "sizes must rise"),
        ({"k": (8,)}, "has 2 parts in place of 1"),
        ({"microseconds": [[[1.0, 2.0]]]}, "has 1 parts in place of 2"),
        ({"microseconds": None}, "needs a file, or m, n, k and microseconds"),
        ({"file": "grid.csv"}, "has a file, and times of its own"),
        ({"microseconds": [[[1.0, 0.0]], [[3.0, 4.0]]]}, "greater than 0"),
    ],
)
def test_a_grid_that_is_not_full_or_not_in_order_is_refused(change, message):
    cells = [[[1.0, 2.0]], [[3.0, 4.0]]]
    value = {"m": (8, 16), "n": (8,), "k": (8, 16), "microseconds": cells}
    with pytest.raises(ValidationError, match=message):
        GridFile.model_validate(value | change)


def test_there_is_a_grid_for_every_device_that_was_measured():
    assert len(GRIDS) == 9


@given(*[st.floats(1, 1e5)] * 3)
def test_a_roofline_is_its_formula(m, n, k):
    gemm = GemmRoofline(3e-6, 800e12, 2e12)
    expected = 3e-6 + max(2 * m * n * k / 800e12, 2 * (m * k + k * n + m * n) / 2e12)
    assert gemm.seconds(Shape(m, n, k)) == pytest.approx(expected)


@given(*[st.floats(1, 1e5)] * 3)
def test_a_format_of_more_bits_is_never_quicker(m, n, k):
    rates = DenseRates(GemmRoofline(3e-6, 800e12, 2e12), 0.5, 0.0625, 2e12)
    half, other, tf32, fp32 = (
        rates.product_seconds(Shape(m, n, k), precision)
        for precision in (Precision.BF16, Precision.FP16, Precision.TF32, Precision.FP32)
    )
    assert half == other
    assert half <= tf32 * (1 + 1e-9) <= fp32 * (1 + 2e-9)


def test_a_large_product_in_fp32_takes_as_long_as_its_rate_says():
    rates = DenseRates(GemmRoofline(3e-6, 800e12, 2e12), 0.5, 0.0625, 2e12)
    shape = Shape(8192, 8192, 8192)
    assert rates.product_seconds(shape, Precision.FP32) == pytest.approx(
        shape.flop / (800e12 / 16), rel=0.01
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [("m,k,32\n", 1), ("", 1), ("m,n,32\n32,x,1\n", 2), ("m,n,32\n1,1,2\n1,1,2\n", 3)],
)
def test_a_grid_that_cannot_be_read_is_refused_at_its_line(text, line):
    with pytest.raises(InputError) as caught:
        read_grid(text, "grid.csv")
    assert [(fault.file, fault.line) for fault in caught.value.diagnostics] == [("grid.csv", line)]
