"""Frameworks that sum and update only those rows of data-parallel tables that were read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from analytic_cases import model, options, table

from shardplan.cost.framework.framework_profile import FrameworkProfile
from shardplan.cost.phases import ALL_REDUCE, UPDATE_BACKWARD

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 8_192
WAYS = options(
    (0, "data_parallel", "dense", 1),
    (0, "table_wise", "fused", 1),
)


def seconds_of(rows: int, sums_read_rows: bool) -> tuple[NDArray[np.float64], ...]:
    """By option, of ``all_reduce`` and ``update_backward``."""
    found = model(table(rows=rows), batch=BATCH)
    found = replace(found, framework=FrameworkProfile("any", {}, sums_read_rows=sums_read_rows))
    costs = found.unit_costs(WAYS)
    names = [phase.name for phase in found.phases]
    return tuple(
        costs.load_seconds[:, names.index(each.name)] for each in (ALL_REDUCE, UPDATE_BACKWARD)
    )


def drawn_distinct_rows(rows: int, ids: float) -> float:
    """Of so many ids that fall evenly on the rows."""
    return rows * (1 - (1 - 1 / rows) ** ids)


@pytest.mark.parametrize("rows", [1_000, 10_000_000])
def test_only_distinct_rows_of_the_global_batch_are_summed_and_updated(rows: int) -> None:
    read = drawn_distinct_rows(rows, BATCH * 10.0)
    summed, updated = seconds_of(rows, sums_read_rows=True)
    all_summed, all_updated = seconds_of(rows, sums_read_rows=False)
    of_row, mark = 64 * 4, 1
    share = (read * of_row + rows * mark) / (rows * of_row)
    assert summed[0] == pytest.approx(all_summed[0] * share, rel=1e-3)
    fused = all_updated[0] - sweep_seconds(rows)
    assert updated[0] == pytest.approx(fused + sweep_seconds(rows) * read / rows, rel=1e-3)


def test_tables_on_single_devices_cost_what_they_did() -> None:
    for with_it, without in zip(seconds_of(10_000, True), seconds_of(10_000, False), strict=True):
        assert with_it[1] == without[1]


def sweep_seconds(rows: int) -> float:
    """Row-wise Adagrad reads a gradient and reads and writes weights and a number a row."""
    rate = model(table()).profile.dense_update_bytes_per_second
    return rows * (3 * 64 * 4 + 2 * 4) / rate
