"""From a spec to a plan: that it obeys, fits, costs what it says, and loses to no baseline."""

from __future__ import annotations

import copy
import csv
import json
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from effort import examples
from hypothesis import assume, given, reject
from random_specs import TOPOLOGY, build, specs

from shardplan.errors import Infeasible, Interrupted, NoPlanFound
from shardplan.plan.verify import verify
from shardplan.planning.baseline import baseline_starts
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.baselines.published import GreedyCost
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan

QUICK = Settings("greedy")
EXACT = Settings("milp", gap=0.0, time_limit_seconds=1e6)


def make_spec(*dims: int, rows: int = 2000, **changes) -> dict:
    """Tables t0, t1, ... on two nodes of two devices."""
    return {
        "batch": {"local": 256},
        "topology": copy.deepcopy(TOPOLOGY),
        "tables": [
            {"name": f"t{i}", "rows": rows + i, "dim": dim, "pooling": i + 1}
            for i, dim in enumerate(dims)
        ],
        "reserve": {"hbm": "0%", "ddr": "0%"},
        **changes,
    }


def ranks_of(plan: Plan) -> dict[str, set[int]]:
    """The ranks that hold parts of each table."""
    return {name: set(e.ranks) for tables in plan.plan.values() for name, e in tables.items()}


@pytest.mark.parametrize("method", ["milp", "greedy"])
@given(specs())
@examples(60)
def test_every_plan_verifies(method, spec):
    """Under both cost models and both objectives; verification asks no solver."""
    case = build(spec)
    try:
        plan = make_plan(case, Settings(method, gap=0.0, effort=0.005), Reporter())
    except (Infeasible, NoPlanFound):
        reject()
    assert verify(plan) == ()
    assert verify(plan, case) == ()
    objective = plan.optimality
    predicted = plan.prediction
    if spec["objective"] == "balance":
        assert objective.objective_seconds == predicted.balance_seconds
    else:
        assert objective.objective_seconds == predicted.step_seconds
    assert objective.lower_bound_seconds <= objective.objective_seconds
    if method == "milp":
        assert objective.status == "optimal"
        assert objective.termination == "gap"


@given(specs(constrained=False))
@examples(15)
def test_no_plan_is_worse_than_a_baseline(spec):
    """With no effort allowed beyond the start."""
    case = build(spec)
    try:
        formulation = formulate(case)
    except Infeasible:
        reject()
    costs = [evaluate(formulation.problem, s) for s in baseline_starts(case, formulation)]
    fitting = [cost.objective for cost in costs if cost.fits]
    assume(fitting)
    hasty = Settings("auto", time_limit_seconds=0.0)
    plan = make_plan(case, hasty, Reporter())
    assert plan.optimality.objective_seconds <= min(fitting) * (1 + 1e-9)
    assert verify(plan, case) == ()


@pytest.mark.parametrize("method", ["milp", "greedy", "auto"])
def test_tables_together_share_their_ranks_and_others_apart_do_not(method):
    """Also through a third table; and apart from two groups at once."""
    spec = make_spec(
        *[16] * 5,
        constraints=[
            {"tables": ["t0", "t1"], "together": True},
            {"tables": ["t1", "t2"], "together": True},
            {"tables": ["t2", "t3"], "apart": True},
            {"tables": ["t3", "t4"], "apart": True},
        ],
    )
    plan = make_plan(build(spec), Settings(method, gap=0.05), Reporter())
    ranks = ranks_of(plan)
    assert ranks["t0"] == ranks["t1"] == ranks["t2"]
    assert not ranks["t2"] & ranks["t3"]
    assert not ranks["t3"] & ranks["t4"]
    assert verify(plan) == ()


@pytest.mark.parametrize("method", ["milp", "greedy", "auto"])
def test_ranks_are_obeyed_though_the_baselines_know_none(method):
    spec = make_spec(*[64] * 6, constraints=[{"tables": ["t0", "t4", "t5"], "ranks": [1, 2]}])
    plan = make_plan(build(spec), Settings(method, gap=0.05), Reporter())
    ranks = ranks_of(plan)
    assert ranks["t0"] | ranks["t4"] | ranks["t5"] <= {1, 2}
    assert verify(plan) == ()


@pytest.mark.parametrize("method", ["search", "auto"])
def test_a_table_apart_from_all_others_has_the_devices_to_itself(method):
    """Four tables apart on four devices: the search must not leave any of them without a place."""
    spec = make_spec(32, 32, 32, 32, constraints=[{"tables": "*", "apart": True}])
    plan = make_plan(build(spec), Settings(method, gap=0.02), Reporter())
    assert sorted(rank for ranks in ranks_of(plan).values() for rank in ranks) == [0, 1, 2, 3]


def test_exact_updates_leave_no_columns_cut():
    """Row-wise Adagrad keeps one sum per row and shard."""
    training = {"optimizer": "rowwise_adagrad", "exact_updates": True}
    demand = {"tables": "*", "sharding": ["column_wise", "row_wise"]}
    spec = make_spec(64, 64, 64, training=training, constraints=[demand])
    plan = make_plan(build(spec), EXACT, Reporter())
    kinds = {e.sharding_type.name for tables in plan.plan.values() for e in tables.values()}
    assert kinds == {"row_wise"}


def test_a_baseline_that_breaks_the_constraints_is_no_plan():
    spec = make_spec(64, 64, 64, constraints=[{"tables": "*", "ranks": [1, 2]}])
    with pytest.raises(NoPlanFound):
        make_plan(build(spec), Settings("greedy-dim"), Reporter())


def test_an_interruption_without_a_plan_is_told_from_a_limit():
    case = build(make_spec(64, 64))
    with pytest.raises(Interrupted):
        make_plan(case, Settings("search", should_stop=lambda: True), Reporter())
    with pytest.raises(NoPlanFound, match="time_limit"):
        make_plan(case, Settings("search", time_limit_seconds=0.0), Reporter())


def test_an_interruption_with_a_plan_keeps_it():
    case = build(make_spec(64, 64))
    plan = make_plan(case, Settings("auto", should_stop=lambda: True), Reporter())
    assert plan.optimality.termination == "interrupted"
    assert verify(plan, case) == ()


@pytest.fixture(scope="module")
def published(shared_data):
    """The tasks with the rows and the pooling of their tables."""
    with (shared_data / "dlrm856_tables.csv").open() as file:
        tables = list(csv.DictReader(file))
    tasks = json.loads((shared_data / "neuroshard_tasks_maxdim128.json").read_text())["tasks"]
    for task in tasks:
        task["tables"] = [
            {
                "name": f"t{position}",
                "rows": int(tables[index]["row"]),
                "dim": dim,
                "pooling": float(tables[index]["pooling_factor"]),
            }
            for position, (index, dim) in enumerate(
                zip(task["table_ids"], task["dims"], strict=True)
            )
        ]
    return tasks


@pytest.mark.parametrize("kind", GreedyCost)
@pytest.mark.parametrize("devices", [4, 8, 16])
def test_greedy_methods_make_the_published_plans(published, kind, devices):
    """Every fifth of the 50 tasks, others for each method, on devices of 8 GiB."""
    offset = (list(GreedyCost).index(kind) + devices) % 5
    topology = TOPOLOGY | {"nodes": devices // 4, "devices_per_node": 4}
    topology["device"] = copy.deepcopy(TOPOLOGY["device"])
    topology["device"]["hbm"]["capacity"] = "8GiB"
    method = f"greedy-{kind.value.replace('_', '-')}"
    for task in published[offset::5]:
        case = build(
            {
                "batch": {"local": 1},
                "topology": topology,
                "training": {"optimizer": "sgd", "pipeline": "none"},
                "tables": task["tables"],
                "reserve": {"hbm": "0%", "ddr": "0%"},
            }
        )
        plan = make_plan(case, Settings(method), Reporter())
        held = defaultdict(set)
        for table, ranks in ranks_of(plan).items():
            (rank,) = ranks
            held[rank].add(table)
        golden = task["golden"][f"{devices}dev_8GiB"][kind]
        assert [held[rank] for rank in range(devices)] == [
            {f"t{position}" for position in tables} for tables in golden
        ]
