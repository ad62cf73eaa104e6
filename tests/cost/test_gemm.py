"""Times of matrix products: measured grids, and the roofline."""

from __future__ import annotations

import csv
import math
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shardplan.cost.dense.dense_rates import DenseRates
from shardplan.cost.dense.gemm_grid import GemmGrid
from shardplan.cost.dense.gemm_roofline import GemmRoofline
from shardplan.cost.dense.gemm_tiles import GemmTiles
from shardplan.cost.profile.build_gemm import build_gemm
from shardplan.cost.profile.gemm_file import GemmFile, GridFile, TilesFile
from shardplan.cost.profile.grid_table import read_grid
from shardplan.errors import InputError
from shardplan.units import parse_rate
from shardplan.workload.dense.operation import Shape
from shardplan.workload.dense.precision import Precision

if TYPE_CHECKING:
    from shardplan.cost.dense.gemm import Gemm

COST_MODELS = Path(__file__).parents[2] / "cost_models"
GRIDS = sorted((COST_MODELS / "gemm").glob("*.csv"))
PROCESSORS = {"a100": 108, "l40s": 142, "rtx-pro-6000": 188, "h100": 132, "h200": 132, "b200": 148,
              "b300": 148, "gb200": 152, "gb300": 152}  # fmt: skip
"""Streaming multiprocessors, by datasheets."""
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


def grid(times: dict[tuple[int, int, int], float], computed: Gemm) -> GemmGrid:
    m, n, k = (np.array(sorted({key[axis] for key in times}), dtype=float) for axis in range(3))
    array = np.array([[[times[i, j, l] for l in k] for j in n] for i in m])  # noqa: E741
    return GemmGrid((m, n, k), array, computed)


def written(device: str) -> dict:
    """What the shipped cost model says."""
    return yaml.safe_load((COST_MODELS / f"{device}.yaml").read_text(encoding="utf-8"))


def shipped(device: str, times: dict[tuple[int, int, int], float], **changes) -> Gemm:
    """Products of a shipped cost model whose grid has but these, or with other figures."""
    axes = [sorted({key[axis] for key in times}) for axis in range(3)]
    cube = [[[times[i, j, l] * 1e6 for l in axes[2]] for j in axes[1]] for i in axes[0]]  # noqa: E741
    table = dict(zip("mnk", axes, strict=True)) | {"microseconds": cube}
    profile = written(device)
    file = GemmFile.model_validate(profile["gemm"] | {"grid": table} | changes)
    rates = profile["elementwise"], profile["lookup_forward"]["hbm"]["cached_read"]
    return build_gemm(file, *(parse_rate(rate["value"]) for rate in rates))


def left_out_errors(device: str, drop, **changes) -> list[float]:
    """|log(predicted / seen)| of the products that are dropped, told by the rest."""
    every = cells(COST_MODELS / "gemm" / f"{device}.csv")
    kept = {key: time for key, time in every.items() if not drop(key)}
    gemm = shipped(device, kept, **changes)
    return [
        abs(math.log(gemm.seconds(Shape(*key)) / time))
        for key, time in every.items()
        if key not in kept
    ]


def is_between(key) -> bool:
    return bool(LEFT_OUT & set(key[1:]))


def is_largest(key) -> bool:
    return key[0] == 32_768


CORNERS = st.lists(st.floats(1e-6, 1e-3), min_size=8, max_size=8)
ROOFLINE = GemmRoofline(3e-6, 800e12, 2e12)


@given(CORNERS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_between_points_the_log_of_time_over_what_is_computed_is_straight(times, u, v, w):
    """Against one interpolation after another, in numpy."""
    axes = [np.array([32.0, 4096.0]), np.array([64.0, 128.0]), np.array([32.0, 16384.0])]
    cube = np.array(times).reshape(2, 2, 2)
    size = [float(a[0] * (a[1] / a[0]) ** at) for a, at in zip(axes, (u, v, w), strict=True)]
    points = [Shape(*map(float, point)) for point in product(*axes)]
    computed = [ROOFLINE.seconds(point) for point in points]
    logs = np.log(cube / np.array(computed).reshape(2, 2, 2))
    for axis, at in zip(axes, size, strict=True):
        weight = np.interp(math.log(at), np.log(axis), [0.0, 1.0])
        logs = logs[0] * (1 - weight) + logs[1] * weight
    expected = math.exp(logs) * ROOFLINE.seconds(Shape(*size))
    found = GemmGrid(tuple(axes), cube, ROOFLINE).seconds(Shape(*size))
    assert found == pytest.approx(expected, rel=1e-9)


def test_points_take_what_was_measured():
    path = COST_MODELS / "gemm" / "a100.csv"
    every = cells(path)
    gemm = shipped("a100", every)
    for key in list(every)[::97]:
        assert gemm.seconds(Shape(*key)) == pytest.approx(every[key])


def test_beyond_the_grid_the_edge_is_as_far_off_and_below_it_the_edge_holds():
    times = {(m, n, k): 1e-5 * m * n * k for m in (2, 4) for n in (2, 4) for k in (2, 4)}
    gemm = grid(times, ROOFLINE)
    excess = times[4, 4, 2] / ROOFLINE.seconds(Shape(4, 4, 2))
    far = Shape(1e5, 8e4, 2)
    assert gemm.seconds(far) == pytest.approx(excess * ROOFLINE.seconds(far))
    assert gemm.seconds(Shape(1, 4, 1)) == pytest.approx(times[2, 4, 2])


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_products_beside_the_points_of_a_shipped_grid_are_within_the_published_error(path):
    """With some sizes left out: the mean over what was left out of |log(predicted / seen)|."""
    errors = left_out_errors(path.stem, is_between)
    assert len(errors) == 11 * 13 * 13 - 11 * 10 * 10
    mean, beyond = (
        float(np.mean(found)) for found in (errors, left_out_errors(path.stem, is_largest))
    )
    assert mean <= PUBLISHED_ERROR.get(path.stem, 0.06)
    page = (path.parents[2] / "docs" / "cost-model.md").read_text(encoding="utf-8")
    row = f"\n| {path.stem} | {len(errors)} | {mean:.1%} | {max(errors):.0%} | {beyond:.1%} |\n"
    assert row in page


@pytest.mark.parametrize("device", sorted(PROCESSORS))
def test_waves_of_tiles_are_given_for_the_devices_whose_grids_show_them(device):
    """Without a step: by the products that were left out of each grid."""
    tiles = written("a100")["gemm"]["tiles"] | {"processors": PROCESSORS[device]}
    without, within = (
        float(np.mean(left_out_errors(device, is_between, tiles=each))) for each in (None, tiles)
    )
    is_given = "tiles" in written(device)["gemm"]
    assert (within < without) == is_given
    page = " ".join((COST_MODELS.parent / "docs" / "cost-model.md").read_text("utf-8").split())
    assert (f"({within:.1%} off in place of {without:.1%})" in page) == is_given


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_many_rows_do_not_take_as_many_start_ups(path):
    """Of products with small n and k, time in proportion is more than a sixth too long."""
    every = cells(path)
    excess = [
        math.log(2 * every[16_384, n, k] / time)
        for (m, n, k), time in every.items()
        if m == 32_768 and max(n, k) <= 512
    ]
    assert np.mean(excess) > 1 / 6


def tiled(**changes) -> GemmTiles:
    """One shape of tiles on four processors; what is loaded takes no time."""
    figures = {"processors": 4, "shapes": ((128, 128),), "pieces": (1,), "cached": 1e30}
    given = figures | changes
    return GemmTiles(
        GemmRoofline(3e-6, 800e12, 2e15), given["processors"], given["shapes"], given["pieces"],
        given["cached"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("m", "n", "waves"), [(256, 256, 1), (257, 256, 2), (1, 1, 1), (512, 256, 2), (512, 257, 3)]
)
def test_the_last_wave_takes_as_long_as_a_full_one(m, n, waves):
    of_wave = 4 * 2 * 128 * 128 * 4096 / 800e12
    assert tiled().seconds(Shape(m, n, 4096)) == pytest.approx(3e-6 + waves * of_wave)


def test_a_long_product_with_one_tile_is_cut_into_pieces_that_are_summed():
    shape = Shape(128, 128, 1e6)
    whole = 2 * 128 * 128 * 1e6 * 4 / 800e12
    summing = 2 * 4 * 128 * 128 * 4 / 2e15
    assert tiled().seconds(shape) == pytest.approx(3e-6 + whole)
    assert tiled(pieces=(1, 4)).seconds(shape) == pytest.approx(3e-6 + whole / 4 + summing)


def test_narrow_tiles_spend_more_time_on_loading():
    """Where a tile of 64 loads for as long as it multiplies, one of half its width twice as long;
    the widest attains the rate."""
    shapes = ((128, 128), (64, 64))
    gemm = tiled(processors=1, shapes=shapes, cached=800e12 / 64)
    wide, narrow = gemm.seconds(Shape(128, 128, 1e6)), gemm.seconds(Shape(64, 64, 1e6))
    assert wide - 3e-6 == pytest.approx(2 * 128 * 128 * 1e6 / 800e12)
    assert narrow - 3e-6 == pytest.approx(2 * 64 * 64 * 1e6 / 800e12 * (1 + 2) / (1 + 1))


def test_tiles_without_a_grid_are_refused():
    figure = {"value": 0.5}
    roofline = {"t0": {"value": "3us"}, "e": figure, "peak": {"value": "300TFLOPS"}, "h": figure,
                "memory": {"value": "2TB/s"}}  # fmt: skip
    tiles = {"processors": 4, "shapes": [[128, 128]]}
    with pytest.raises(ValidationError, match="tiles stand between the points of a grid"):
        GemmFile.model_validate(roofline | {"tiles": tiles})


def test_a_list_of_figures_names_the_grid_in_a_few_words():
    cells = [[[1.0, 2.0]], [[3.0, 4.0]]]
    written = GridFile(m=(8, 16), n=(8,), k=(8, 16), microseconds=cells)
    assert str(written) == "2 x 1 x 2 products"
    assert str(GridFile(file="gemm/h100.csv")) == "products of gemm/h100.csv"
    tiles = TilesFile(processors=108, shapes=[[128, 128], [64, 64]])
    assert str(tiles) == "2 shapes of tiles on 108 processors"


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
    [
        ("m,k,32\n", 1),
        ("", 1),
        ("m,n,\u0663\n", 1),
        ("m,n,32\n32,x,1\n", 2),
        ("m,n,32\n1,1,2\n1,1,2\n", 3),
        ("m,n,32\n1,1,2\n\u0663,1,2\n", 3),
        ("m,n,32\n1,1,2\n3,1,nan\n", 3),
        ("m,n,32\n1,1,2\n3,1,0\n", 3),
        ("m,n,32\n1,1,2\n3,1,2,4\n", 3),
        ("m,n,32\n1,1,2\n3,1\n", 3),
        ("m,n,32\n1,1,2\n\n3,1,2\n", 3),
    ],
)
def test_a_grid_that_cannot_be_read_is_refused_at_its_line(text, line):
    with pytest.raises(InputError) as caught:
        read_grid(text, "grid.csv")
    assert [(fault.file, fault.line) for fault in caught.value.diagnostics] == [("grid.csv", line)]
