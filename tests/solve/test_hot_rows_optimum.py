"""How many hot rows to keep is chosen as well as anything else."""

from __future__ import annotations

import copy

import pytest
from brute_force import objective_by_hand, solve_by_force
from random_specs import TOPOLOGY, build

from shardplan.plan.ledger import Ledger
from shardplan.planning.formulate import formulate
from shardplan.sharding.kind import ShardingType
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.settings import Settings

SPEC = {
    "batch": {"local": 4_096},
    "topology": copy.deepcopy(TOPOLOGY),
    "training": {"optimizer": "sgd", "hot_rows": True},
    "defaults": {"dim": 64, "access": {"zipf": 1.05}},
    "tables": [
        {"name": "a", "rows": 50_000, "hot_ids": 20_000},
        {"name": "b", "rows": 30_000, "hot_ids": 300, "pooling": 2},
    ],
    "constraints": [{"tables": "*", "sharding": ["hot_row_wise", "table_wise", "row_wise"]}],
}


@pytest.mark.parametrize("method", ["milp", "auto"])
def test_the_best_number_of_hot_rows_is_found(method: str) -> None:
    formulation = formulate(build(SPEC))
    problem = formulation.problem
    found = solve(problem, Settings(method, gap=0.0, time_limit_seconds=1e6))
    assert found.placement is not None
    assert objective_by_hand(problem, found.placement) == pytest.approx(found.objective)
    assert found.lower_bound == pytest.approx(found.objective, rel=1e-6)
    assert solve_by_force(problem, below=found.objective * (1 - 1e-6)) is None
    decisions = formulation.decisions(found.placement)
    assert {each.sharding for each in decisions} == {ShardingType.HOT_ROW_WISE}
    again, is_placed = formulation.placement(decisions)
    assert is_placed.all()
    assert again.option.tolist() == found.placement.option.tolist()


@pytest.mark.parametrize("method", ["milp", "auto"])
def test_the_best_number_is_found_beside_units_that_lie_on_single_devices(method: str) -> None:
    """Bags of many ids: a sum of each comes from one device, and not from all."""
    of = copy.deepcopy(SPEC)
    of["tables"][1] |= {"pooling": 20, "hot_ids": 30_000}
    of["constraints"] = [{"tables": "*", "sharding": ["hot_table_wise", "table_wise"]}]
    case = build(of)
    formulation = formulate(case)
    problem = formulation.problem
    found = solve(problem, Settings(method, gap=0.0, time_limit_seconds=1e6))
    assert found.placement is not None
    assert found.lower_bound == pytest.approx(found.objective, rel=1e-6)
    assert solve_by_force(problem, below=found.objective * (1 - 1e-6)) is None
    decisions = formulation.decisions(found.placement)
    assert ShardingType.HOT_TABLE_WISE in {each.sharding for each in decisions}
    ledger = Ledger.of(decisions, case.cost_model, case.topology.world)
    aside = case.capacity.free_bytes[0] - problem.device_capacity[0, 0]
    copies = ledger.charges.memory_bytes[:, 0].sum()
    assert 0 < copies <= aside
    of_units = ledger.by_rank(ledger.unit_bytes)[:, 0]
    assert ledger.rank_bytes[:, 0] == pytest.approx(of_units + copies)
    assert ledger.total_bytes[:, 0].sum() == pytest.approx(ledger.rank_bytes[:, 0].sum())
