"""Whatever look at the clock is the one that comes too late: there is a whole plan, or none."""

from __future__ import annotations

import pytest
from random_specs import TOPOLOGY, build
from test_time_limits import Clock

from shardplan.errors import Interrupted, NoPlanFound
from shardplan.plan.verify import verify
from shardplan.planning import planner
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

CASE = build(
    {
        "batch": {"local": 64},
        "topology": TOPOLOGY,
        "tables": [
            {"name": f"t{n}", "rows": rows, "dim": 8} for n, rows in enumerate([9, 500, 9, 4096, 3])
        ],
        "constraints": [{"tables": "*", "sharding": ["data_parallel", "table_wise"]}],
    }
)
"""Every table may be replicated: an option that needs no place, as one that was not placed."""


class Ticking(Clock):
    """Goes on by so many seconds with each look."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now

    def after(self, seconds: float) -> Deadline:
        return Deadline(self() + seconds, self)


@pytest.mark.parametrize("method", ["greedy", "auto"])
def test_a_solve_that_is_cut_off_has_all_tables_in_its_plan_or_no_plan(method, monkeypatch):
    monkeypatch.setattr(planner, "baseline_starts", lambda *_: ())
    found = set()
    for looks in range(1, 30):
        clock = Ticking(1.5)
        monkeypatch.setattr(Deadline, "after", clock.after)
        settings = Settings(method, gap=0.0, time_limit_seconds=1.5 * looks, effort=0.1)
        try:
            plan = make_plan(CASE, settings, Reporter())
        except (NoPlanFound, Interrupted):
            found.add("none")
        else:
            assert verify(plan, CASE) == ()
            found.add("plan")
    assert found == {"plan", "none"}
