"""Tables that average, from the spec to what is told of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from random_specs import TOPOLOGY

from shardplan import Settings, load, plan, verify
from shardplan.build_case import case_of_value
from shardplan.cost.phases import GRADIENT_COMM, OUTPUT_COMM
from shardplan.errors import InputError
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.report.detail_report import table_report
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.formulate import formulate
from shardplan.sharding.kind import ShardingType
from shardplan.workload.module.pooling_type import PoolingType

LOCAL, DIM = 64, 16


def spec(nodes: int = 1, **table: Any) -> dict[str, Any]:
    return {
        "batch": {"local": LOCAL},
        "topology": copy.deepcopy(TOPOLOGY) | {"nodes": nodes},
        "defaults": {"dim": DIM},
        "tables": [
            {"name": "a", "rows": 500, "pooling": 5, "features": ["f", "g"], **table},
            {"name": "b", "rows": 900},
        ],
    }


@pytest.mark.parametrize("nodes", [1, 2])
def test_means_of_cut_rows_are_divided_by_those_who_get_them(nodes: int) -> None:
    """A pass over all outputs of a device's own samples each way, in fp32; else they cost nothing.

    With several nodes, the node that has the table pays for all of them.
    """
    mean = case_of_value(spec(nodes, pooling_type="mean"), "s")
    total = case_of_value(spec(nodes), "s")
    options = formulate(mean).options
    more = mean.cost_model.unit_costs(options).load_seconds
    more = more - total.cost_model.unit_costs(options).load_seconds
    names = [phase.name for phase in mean.cost_model.phases]
    rate = mean.cost_model.profile.dense_update_bytes_per_second
    once = 2 * LOCAL * 2 * DIM * 4 / rate
    for option in np.flatnonzero(options.table == 0).tolist():
        kind = options.sharding_type(option)
        expected = {ShardingType.ROW_WISE: once, ShardingType.TABLE_ROW_WISE: nodes * once}
        if kind is ShardingType.GRID_SHARD:
            continue
        wanted = np.zeros(len(names))
        for phase in (OUTPUT_COMM, GRADIENT_COMM):
            wanted[names.index(phase.name)] = expected.get(kind, 0.0)
        np.testing.assert_allclose(more[option], wanted, rtol=1e-6, atol=1e-15)


def test_what_means_are_divided_by_has_room() -> None:
    """A number in fp32 for each of the outputs of a device's own samples."""
    mean, total = (case_of_value(spec(pooling_type=t), "s") for t in ("mean", "sum"))
    more = mean.cost_model.base_memory_bytes - total.cost_model.base_memory_bytes
    assert more.tolist() == [LOCAL * 2 * DIM * 4, 0, 0]


def test_a_plan_states_means_and_nothing_of_sums() -> None:
    case = load(spec(pooling_type="mean"))
    found = plan(case, Settings(method="greedy"))
    again = parse_plan(render(found), "plan.json")
    assert [table.pooling_type for table in again.tables] == [PoolingType.MEAN, None]
    assert '"pooling_type": "sum"' not in render(found)
    assert verify(again) == ()
    title = table_report(table_detail(Study.of(found, "plan.json", case), "a")).title
    assert "10 ids per sample of f, g, averaged, in sparse.ebc" in title
    changed = found.tables[0].model_copy(update={"pooling_type": None})
    (fault, *_) = verify(found.model_copy(update={"tables": (changed, found.tables[1])}))
    assert fault.where == "tables[0].pooling_type"
    assert fault.message == "'a' has sum; in the spec it is mean"


def test_defaults_average_what_is_pooled() -> None:
    value = spec()
    value["defaults"]["pooling_type"] = "mean"
    value["modules"] = {"m": {"kind": "sequence"}}
    value["tables"][1] |= {"module": "m"}
    first, second = case_of_value(value, "s").workload.tables
    assert first.is_mean
    assert not second.is_mean


def test_rows_that_are_not_pooled_are_not_averaged_either() -> None:
    value = spec(pooling_type="mean")
    value["modules"] = {"sparse.ebc": {"kind": "sequence"}}
    with pytest.raises(InputError) as error:
        load(value)
    (fault,) = error.value.diagnostics
    assert fault.path == "tables[0].pooling_type"
    assert fault.message == "the rows of a module of the kind sequence are not pooled"
