"""Hot rows on every device beside whole tables, column shards and row blocks of a node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from analytic_cases import load, model, options, profile, table
from test_hot_row_costs import (
    BATCH,
    DEVICES,
    DIM,
    ROWS,
    per_output,
    with_hot_ids,
    zipf_share,
)

from shardplan.workload.access import Cdf, Uniform, Zipf
from shardplan.workload.row_order import RowOrder
from shardplan.workload.training import Training

if TYPE_CHECKING:
    from shardplan.options.option_set import OptionSet

HOT_ROWS = 1_000
HELD = {"hot_table_wise": 1, "hot_column_wise": 1, "hot_table_row_wise": 4}
"""Devices on which a unit lands."""


def kept(kind: str, hot_rows: int = HOT_ROWS) -> OptionSet:
    shards = 2 if "column" in kind else 1
    return replace(options((0, kind, "fused", shards)), hot_rows=np.array([hot_rows]))


def one_id(**of_table: object) -> object:
    given = {"rows": ROWS, "dim": DIM, "pooling": 1.0, "access": Zipf(1.05), **of_table}
    return with_hot_ids(**given)


@pytest.mark.parametrize("kind", HELD)
def test_of_one_id_a_sample_those_travel_whose_row_is_cold(kind: str) -> None:
    """From a whole table all of them, from a column shard its columns, from a node a part each.

    All devices add what comes to theirs: on two nodes that is charged to those that send.
    """
    cost_model = model(one_id(), batch=BATCH)
    shares = cost_model.shares(kept(kind))
    sent = BATCH * (1 - zipf_share(HOT_ROWS))
    assert shares.outputs[0] * HELD[kind] == pytest.approx(sent, rel=1e-3)
    assert shares.columns[0] == DIM / (2 if "column" in kind else 1)
    assert shares.own_outputs[0] == pytest.approx(sent / DEVICES, rel=1e-3)
    seconds = cost_model.unit_costs(kept(kind)).load_seconds[0]
    phases = [phase.name for phase in cost_model.phases]
    cut = int(DIM // shares.columns[0])
    assert seconds[phases.index("output_comm")] * cut * HELD[kind] == pytest.approx(
        sent * per_output(), rel=1e-3
    )


@pytest.mark.parametrize("kind", HELD)
def test_what_copies_take_of_all_devices_is_that_of_a_data_parallel_table(kind: str) -> None:
    """Rows in two classes, so that the hot ones are a uniform table by themselves."""
    share, rows, pooling = 0.6, 100_000, 10.0
    access = Cdf(((HOT_ROWS / rows, share), (1.0, 1.0)))
    whole = one_id(rows=rows, pooling=pooling, access=access)
    cost_model = model(whole, batch=BATCH, training=Training())
    charges = cost_model.charges(kept(kind)).of_used
    at = charges.names.index("1,000 hot rows of t")
    alone = table(rows=HOT_ROWS, dim=DIM, pooling=pooling * share, access=Uniform())
    apart = model(alone, batch=BATCH, training=Training())
    phases = [phase.name for phase in cost_model.phases]
    found = dict(zip(phases, charges.seconds[at].tolist(), strict=True))
    for phase, seconds in load(apart, "data_parallel").items():
        assert found[phase] == pytest.approx(seconds, rel=1e-6), phase
    needed = apart.unit_costs(options((0, "data_parallel", "dense", 1))).memory_bytes
    np.testing.assert_allclose(charges.memory_bytes[at], needed[0], atol=8 * BATCH)


def test_units_hold_and_do_what_is_left() -> None:
    """Of a table whose cold rows are a uniform one by themselves."""
    share, rows, pooling = 0.6, 100_000, 10.0
    access = Cdf(((HOT_ROWS / rows, share), (1.0, 1.0)))
    whole = model(one_id(rows=rows, pooling=pooling, access=access), batch=BATCH)
    others = table(rows=rows - HOT_ROWS, dim=DIM, pooling=pooling * (1 - share), access=Uniform())
    seconds = whole.unit_costs(kept("hot_table_wise")).load_seconds[0]
    phases = [phase.name for phase in whole.phases]
    found = dict(zip(phases, seconds.tolist(), strict=True))
    apart = load(model(others, batch=BATCH), "table_wise")
    unsent = BATCH * share**pooling
    spared = unsent * DIM * 4 * profile().lookup_forward.hbm.per_output_byte
    assert found["lookup_forward"] == pytest.approx(apart["lookup_forward"] - spared, rel=1e-6)
    assert found["all_reduce"] == 0.0


@pytest.mark.parametrize("hot_rows", [100, 3_000, 7_000])
def test_row_blocks_of_ids_by_frequency_do_what_their_rows_are_read(hot_rows: int) -> None:
    """The first blocks have none left beside the hot rows, of which all devices have a copy."""
    rows = 16_000
    table_ = replace(one_id(rows=rows), ids=RowOrder.BY_FREQUENCY)
    cost_model = model(table_, batch=BATCH)
    option = kept("hot_row_wise", hot_rows)
    blocks = cost_model.block_costs(option)
    charged = cost_model.unit_costs(option)
    assert blocks.block.tolist() == list(range(DEVICES))
    chances = np.arange(1, rows + 1, dtype=np.float64) ** -1.05
    chances[:hot_rows] = 0
    chances /= (np.arange(1, rows + 1, dtype=np.float64) ** -1.05).sum()
    of_block = chances.reshape(DEVICES, -1).sum(1)
    ids = [phase.name for phase in cost_model.phases].index("output_comm")
    comm = blocks.load_seconds[:, ids]
    first = comm[of_block == 0]
    per_bag = (comm[-1] - (first[0] if len(first) else 0)) / of_block[-1]
    base = comm[-1] - per_bag * of_block[-1]
    np.testing.assert_allclose(comm, base + per_bag * of_block, rtol=1e-2)
    assert (blocks.load_seconds <= charged.load_seconds[0] * (1 + 1e-9)).all()
