"""What drift does to a plan: another one is advised where it pays, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.build_case import build_case, case_of_value
from shardplan.cli.profiling.profile_lines import drift_lines
from shardplan.planning.planner import make_plan
from shardplan.profile.drift.beyond_rows import beyond_rows
from shardplan.profile.drift.drift import ProfileDrift
from shardplan.profile.drift.held_against import cached_rows_of
from shardplan.profile.drift.movement import Movement
from shardplan.profile.drift.plan_effect import PlanEffect, plan_effect, under
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec
from shardplan.spec.tables.table_spec import TableSpec
from shardplan.workload.access import Zipf

SPEC = Path(__file__).parents[1] / "data" / "explain" / "spec.yaml"


@pytest.fixture(scope="module")
def case():
    return build_case(load_spec(str(SPEC)))


@pytest.fixture(scope="module")
def plan(case):
    return make_plan(case, Settings(gap=0.05, time_limit_seconds=2), Reporter())


def table(case, name: str, **keys: object) -> TableSpec:
    """What a profile says of a table of the case, as it was but for some keys."""
    (old,) = [each for each in case.spec.tables if each.name == name]
    same = {"name": name, "rows": old.rows}
    return TableSpec.model_validate(same | keys)


def test_statistics_that_stay_the_same_change_nothing(plan, case):
    found = plan_effect(plan, case, [table(case, "history")], ENDLESS)
    assert found.slower_by == pytest.approx(0.0, abs=1e-8)
    assert found.above_bound == found.old_above_bound
    assert found.above_bound >= plan.optimality.gap - 1e-6
    assert not found.advises_replan


def test_a_step_that_is_much_longer_now_is_worth_another_plan(plan, case):
    (old,) = [each for each in case.workload.tables if each.name == "history"]
    found = plan_effect(plan, case, [table(case, "history", pooling=4 * old.pooling)], ENDLESS)
    assert found.slower_by > 0.03
    assert found.step_seconds == pytest.approx(plan.prediction.step_seconds * (1 + found.slower_by))
    assert found.is_slower
    assert found.advises_replan


def test_rows_that_no_more_fit_are_told_with_the_memory(plan, case):
    grown = table(case, "history", rows=10**11)
    found = plan_effect(plan, case, [grown], ENDLESS)
    assert found.breaches or found.lost
    assert found.advises_replan
    assert found.has_no_plan


def test_new_statistics_stand_in_place_of_the_old_and_all_else_stays(case):
    names = [each.name for each in case.spec.tables]
    now = under(case, [table(case, "history", rows=1, access={"zipf": 1.25}), new_table()])
    assert [each.name for each in now.spec.tables] == names
    (old,) = [each for each in case.workload.tables if each.name == "history"]
    (new,) = [each for each in now.workload.tables if each.name == "history"]
    assert new.access == Zipf(1.25)
    assert (new.rows, new.dim, new.pooling, new.module) == (
        old.rows, old.dim, old.pooling, old.module,
    )  # fmt: skip


def test_rows_that_new_data_lacks_stay_and_nobody_reads_them(case):
    for access, share in (("uniform", 0.25), ({"cdf": [[0.01, 0.5], [1.0, 1.0]]}, 0.5)):
        now = under(case, [table(case, "history", rows=1_000_000, access=access)])
        (new,) = [each for each in now.workload.tables if each.name == "history"]
        told = new.access.distribution(new.rows, 1.0)
        assert new.rows == 4_000_000
        assert told.hottest_share(0.25) == pytest.approx(1.0)
        hot = 0.01 if share == 0.5 else 0.25
        assert told.hottest_share(hot / 4) == pytest.approx(share)


def new_table() -> TableSpec:
    return TableSpec.model_validate({"name": "nobody knows it", "rows": 5})


def moved(table: str, unseen: float) -> Movement:
    return Movement(table, unseen, 0.01, 0.0001, 0.0, 0.0, 0.0, 0)


def effect(step: float, above: float | None, old_above: float | None = 0.01) -> PlanEffect:
    return PlanEffect(1.0, step, old_above, above)


@pytest.mark.parametrize(
    ("found", "advised"),
    [
        (effect(1.02, 0.02), False),
        (effect(1.04, 0.05), True),
        (effect(1.04, 0.005), False),  # slower, and as good as any plan
        (effect(1.04, None), True),  # nothing is known of others
        (effect(0.9, 0.06), True),  # sooner, and others would be sooner still
        (effect(1.0, 0.20, old_above=0.19), False),  # far from the bound as ever
        (PlanEffect(1.0, None, 0.01, None, lost=("t",)), True),
    ],
)
def test_another_plan_is_advised_by_thresholds(found: PlanEffect, advised: bool) -> None:
    assert found.advises_replan is advised


def test_drift_that_does_not_change_the_plan_is_no_alarm() -> None:
    movements = (moved("a", 0.02), moved("b", 0.05), moved("c", 0.5))
    without_plan = ProfileDrift(movements)
    assert [each.table for each in without_plan.moved] == ["c", "b"]
    assert without_plan.is_alarm
    assert not ProfileDrift(movements, effect=effect(1.01, 0.02)).is_alarm
    assert ProfileDrift(movements, effect=effect(1.05, 0.02)).is_alarm
    assert not ProfileDrift((moved("a", 0.02),)).is_alarm
    assert ProfileDrift((), appeared=("new",), effect=effect(1.0, 0.0)).is_alarm


def test_ids_beyond_the_rows_of_the_plan_are_an_alarm_however_good_it_is(case) -> None:
    (old,) = [each for each in case.spec.tables if each.name == "history"]
    history = table(case, "history")
    assert beyond_rows(case, [(history, old.rows - 1), (new_table(), 9)]) == ()
    (found,) = beyond_rows(case, [(history, old.rows)])
    assert (found.table, found.largest_id, found.rows) == ("history", old.rows, old.rows)
    drift = ProfileDrift((), effect=effect(1.0, 0.0), beyond=(found,))
    assert drift.is_alarm
    lines = [*drift_lines(drift)]
    assert f"history: ids up to {old.rows:,}, and the plan's table has {old.rows:,}" in lines[1]
    assert lines[-1].startswith("another plan is needed")


def test_a_plan_says_how_many_rows_its_caches_hold():
    spec = {
        "batch": {"local": 64}, "topology": {"name": "dgx-a100", "nodes": 1},
        "training": {"optimizer": "sgd"},
        "tables": [{"name": "t", "rows": 10_000_000, "dim": 8}, {"name": "u", "rows": 9, "dim": 8}],
        "constraints": [
            {"tables": "t", "load_factor": "2%", "kernels": "fused_uvm_caching",
             "sharding": "table_wise"},
        ],
    }  # fmt: skip
    plan = make_plan(case_of_value(spec, "spec"), Settings(method="greedy"), Reporter())
    assert cached_rows_of(plan) == {"t": 200_000}
