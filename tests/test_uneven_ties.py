"""Tables whose hottest rows come first lie as near to the devices as others."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan.api import plan
from shardplan.build_case import case_of_value
from shardplan.plan.ledger import Ledger
from shardplan.planning.formulate import formulate
from shardplan.planning.uneven_blocks import UnevenBlocks
from shardplan.solve.problem.placement import Placement
from shardplan.solve.settings import Settings

NOWHERE = np.zeros(0, dtype=np.int64)


def case_of(ids, kernels=("fused", "fused_uvm_caching"), nodes=1, **more):
    """Two tables that are cut by rows, and a whole one; prefetching hides what caches fetch."""
    table = {"rows": 1_000_003, "dim": 64, "access": {"zipf": 1.1}, "pooling": 5, "ids": ids}
    return case_of_value(
        {
            "name": "hot first",
            "batch": {"local": 512},
            "topology": {"name": "dgx-h100", "nodes": nodes},
            "training": {"pipeline": "prefetch_sparse_dist"},
            "tables": [{"name": name, **table} for name in ("a", "b", "whole")],
            "constraints": [
                {"tables": "a", "sharding": "row_wise", "kernels": list(kernels)},
                {"tables": "b", "sharding": "table_row_wise", "kernels": list(kernels)},
                {"tables": "whole", "sharding": "table_wise", "kernels": "fused"},
            ],
            **more,
        },
        "spec",
    )


@pytest.mark.parametrize("objective", ["step_time", "balance"])
@pytest.mark.parametrize("ids", ["hashed", "by_frequency"])
def test_what_caches_cost_nothing_is_in_hbm_all_the_same(ids, objective):
    found = plan(case_of(ids, objective=objective), Settings(gap=10.0))
    assert {str(e.compute_kernel) for e in found.plan["sparse.ebc"].values()} == {"fused"}


@pytest.mark.parametrize("objective", ["step_time", "balance"])
def test_what_blocks_bear_less_is_what_the_ledger_counts_less(objective):
    """The one by option and place, the other by decisions."""
    case = case_of("by_frequency", ["fused_uvm_caching"], nodes=2, objective=objective)
    formulation = formulate(case)
    problem = formulation.problem
    options = problem.option_offsets[:-1] + np.array([3, 5, 0])
    placement = Placement.of(options, [NOWHERE, np.array([1]), np.array([4])])
    stages = case.step.balance_stages if objective == "balance" else case.step.stages
    ledger = Ledger.of(formulation.decisions(placement), case.cost_model, case.topology.world)
    found = UnevenBlocks(case, formulation).of_placement(placement)
    assert found.min() < 0
    assert found == pytest.approx(ledger.less_seconds @ stages.of_phase, rel=1e-3, abs=1e-12)
