"""What a cost-model file corrects, against the same plan's prediction without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shardplan import Settings, load, plan, verify
from shardplan.errors import InputError
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import Prediction, predict
from shardplan.plan.recover import decision_of
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import named_source

if TYPE_CHECKING:
    from shardplan.case import Case

TABLES = [{"name": f"t{n}", "rows": 1_000 * (n + 1), "dim": 16, "pooling": n + 1} for n in range(6)]
KINDS = ("table_wise", "row_wise", "data_parallel")


def case_with(*corrections: dict[str, Any]) -> Case:
    model = named_source(Kind.COST_MODEL, "cpu", Path()).value
    spec = {
        "batch": {"local": 256},
        "topology": {"name": "cpu-2s"},
        "training": {"dense": {"forward_ms": 1.0, "backward_ms": 2.0}},
        "tables": TABLES,
        "constraints": [
            {"tables": [f"t{n}", f"t{n + 3}"], "sharding": [kind]} for n, kind in enumerate(KINDS)
        ],
        "cost_model": model | {"corrections": list(corrections)},
    }
    return load(spec)


def seconds_by_phase(found: Prediction) -> dict[str, float]:
    names = [phase.name for phase in found.phases]
    return dict(zip(names, found.phase_seconds.tolist(), strict=True))


@pytest.fixture(scope="module")
def plain() -> Case:
    return case_with()


@pytest.fixture(scope="module")
def decisions(plain: Case):
    made = plan(plain, Settings(method="greedy"))
    found = planned_tables(made, plain.workload)
    return [decision_of(each, plain.topology.world) for each in found]


def both(plain: Case, decisions, *corrections: dict[str, Any]):
    before = predict(plain, decisions)
    return before, predict(case_with(*corrections), decisions)


def test_a_factor_multiplies_all_of_its_phase_and_nothing_else(plain, decisions):
    before, after = both(plain, decisions, {"phase": "output_comm", "factor": 2.5})
    expected = seconds_by_phase(before)
    expected["output_comm"] *= 2.5
    assert seconds_by_phase(after) == pytest.approx(expected)
    assert after.step_seconds == pytest.approx(
        before.step_seconds + expected["output_comm"] * (1 - 1 / 2.5)
    )


def test_a_factor_of_a_type_multiplies_its_tables_alone(plain, decisions):
    correction = {"phase": "lookup_forward", "sharding": "row_wise", "factor": 3.0}
    before, after = both(plain, decisions, correction)
    rows = [each for each in decisions if str(each.sharding) == "row_wise"]
    alone = predict(plain, rows).rank_seconds - predict(plain, []).rank_seconds
    names = [phase.name for phase in before.phases]
    position = names.index("lookup_forward")
    grown = after.rank_seconds[:, position] - before.rank_seconds[:, position]
    assert grown == pytest.approx(2 * alone[:, position])


def test_factors_of_a_phase_and_of_a_type_multiply_one_another(plain, decisions):
    both_ways = {"phase": "update_backward", "sharding": "table_wise", "factor": 2.0}
    product = {"phase": "update_backward", "sharding": "table_wise", "factor": 3.0}
    others = [
        {"phase": "update_backward", "sharding": kind, "factor": 1.5}
        for kind in ("row_wise", "data_parallel")
    ]
    one = predict(case_with(both_ways, {"phase": "update_backward", "factor": 1.5}), decisions)
    other = predict(case_with(product, *others), decisions)
    assert one.step_seconds == pytest.approx(other.step_seconds)


def test_seconds_are_added_by_step_table_and_group(plain, decisions):
    """To a phase that the step would not have without them."""
    before, after = both(
        plain,
        decisions,
        {"phase": "overhead", "per_step": "1ms"},
        {"phase": "overhead", "sharding": "data_parallel", "per_table": "10us", "per_group": "2ms"},
    )
    assert "overhead" not in seconds_by_phase(before)
    assert seconds_by_phase(after)["overhead"] == pytest.approx(1e-3 + 2 * 10e-6 + 2e-3)


def test_the_dense_part_has_a_factor_too(plain, decisions):
    before, after = both(plain, decisions, {"phase": "dense", "factor": 1.5})
    assert after.step_seconds == pytest.approx(before.step_seconds + 0.5 * 3e-3)


def test_a_plan_under_corrections_is_solved_carried_and_verified(plain):
    case = case_with(
        {"phase": "overhead", "sharding": "row_wise", "per_table": "50us", "per_group": "1ms"},
        {"phase": "gradient_comm", "factor": 4.0, "provenance": "measured"},
    )
    made = plan(case, Settings(method="search", node_limit=10))
    assert verify(made) == ()
    assert made.optimality.objective_seconds == pytest.approx(made.prediction.step_seconds)
    assert {charge.group for charge in made.prediction.charges} >= {"row_wise"}


def test_an_unknown_phase_is_refused_where_it_stands():
    with pytest.raises(InputError) as caught:
        case_with({"phase": "output_com", "factor": 2.0})
    (fault,) = caught.value.diagnostics
    assert "unknown phase 'output_com'" in fault.message
    assert "output_comm" in fault.hint


@pytest.mark.parametrize("factor", [0, -1.0])
def test_a_factor_is_more_than_nothing(factor):
    with pytest.raises(InputError):
        case_with({"phase": "output_comm", "factor": factor})
