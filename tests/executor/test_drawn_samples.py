"""Samples that are drawn for training and for timed steps: as the spec says that ids are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from random_specs import TOPOLOGY

from shardplan.build_case import case_of_value
from shardplan.executor import view_plan
from shardplan.executor.steps.drawn_batch import drawn_batch
from shardplan.executor.train.data.synthetic_data import SyntheticData
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.block_reads import BlockReads
from shardplan.workload.row_reads import row_distributions, unique_rows

ROWS, SAMPLES, POOLING, BLOCKS = 4_000, 2_000, 10, 4
ACCESSES: dict[str, Any] = {
    "uniform": "uniform",
    "zipf": {"zipf": 1.1},
    "cdf": {"cdf": [[0.01, 0.5], [0.1, 0.9]]},
    "reuse": {"reuse": [0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, *[0.0] * 9]},
}
PADDINGS = {"unpadded": {}, "padded": {"padding": {"id": 1_234, "share": 0.4}}}


def case_of(access: Any, ids: str, padding: dict[str, Any]) -> Any:
    """Each of two features of a table has as many ids; one has padding too, if the other has."""
    tables = [
        {"name": f"t{i}", "rows": ROWS, "dim": 8, "pooling": POOLING, "access": access}
        | ({"features": ["a", "b"], "pooling": POOLING / 2} if i else {})
        for i in range(2)
    ]
    spec = {
        "name": "drawn",
        "batch": {"local": SAMPLES},
        "topology": TOPOLOGY | {"nodes": 1, "devices_per_node": 1},
        "defaults": {"ids": ids, **padding},
        "tables": tables,
    }
    return case_of_value(spec, "spec")


def ids_of(batch: Any, features: tuple[str, ...]) -> Any:
    parts = batch.values.split(batch.lengths.sum(1).tolist())
    chosen = [parts[batch.keys.index(feature)].numpy() for feature in features]
    return np.concatenate(chosen)


@pytest.mark.parametrize("drawn_by", ["training", "timed steps"])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("ids", ["hashed", "by_frequency"])
@pytest.mark.parametrize("access", ACCESSES)
def test_drawn_ids_hit_rows_as_the_planner_expects(
    access: str, ids: str, padding: str, drawn_by: str
) -> None:
    """Padding, what each block of rows is read, the hottest rows, and distinct ones of a batch."""
    case = case_of(ACCESSES[access], ids, PADDINGS[padding])
    view = view_plan(make_plan(case, Settings("greedy"), Reporter()))
    if drawn_by == "training":
        batch = SyntheticData(view, SAMPLES, 0, seed=5).batch(0).sparse
    else:
        batch = drawn_batch(view, 0, seed=5)
    rows = row_distributions(case.workload.tables)
    distinct = unique_rows(rows, np.full(2, SAMPLES * POOLING, dtype=np.float64))
    for table, of_rows, expected in zip(case.workload.tables, rows, distinct, strict=True):
        found = ids_of(batch, table.features)
        assert len(found) == pytest.approx(SAMPLES * POOLING, rel=0.01)
        counts = np.bincount(found, minlength=ROWS)
        assert len(counts) == ROWS
        assert np.count_nonzero(counts) == pytest.approx(expected, rel=0.05)
        order = np.argsort(-of_rows.probabilities)
        shares = np.cumsum((of_rows.counts * of_rows.probabilities)[order])
        hottest = int(np.searchsorted(np.cumsum(of_rows.counts[order]), ROWS / 10)) + 1
        many = round(float(of_rows.counts[order][:hottest].sum()))
        share = np.sort(counts)[::-1][:many].sum() / len(found)
        # Of rows read alike, those with the most reads of a sample are more than their share.
        assert shares[hottest - 1] - 0.02 < share < shares[hottest - 1] + 0.12
        if table.padding:
            assert counts[1_234] / len(found) == pytest.approx(0.4, abs=0.02)
        if table.is_uneven:
            blocks = BlockReads(table, of_rows, BLOCKS).shares
            of_blocks = counts.reshape(BLOCKS, -1).sum(1) / len(found)
            tolerance = 0.02 if ids == "by_frequency" else 0.12
            np.testing.assert_allclose(of_blocks, blocks, atol=tolerance)
