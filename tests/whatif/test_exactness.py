"""What is said of exact updates: what they cost, and what would be without."""

import pytest
from random_specs import TOPOLOGY, build

from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import Deadline
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.whatif.exactness import inexact_bound

NEVER = Deadline.after(1e6)


def case_of(tables=1, optimizer="rowwise_adagrad", **training):
    """Tables of which each takes long to look up, so that a single one had better be cut."""
    return build(
        {
            "batch": {"local": 4096},
            "topology": TOPOLOGY,
            "training": {"optimizer": optimizer, "exact_updates": True, **training},
            "tables": [
                {"name": f"t{i}", "rows": 1_000_000, "dim": 256, "pooling": 50}
                for i in range(tables)
            ],
            "constraints": [{"tables": "*", "sharding": ["table_wise", "column_wise"]}],
        }
    )


def test_columns_that_stay_whole_cost_what_the_bound_without_says():
    bound = inexact_bound(case_of(), NEVER)
    settings = Settings("milp", gap=0.0, time_limit_seconds=1e6)
    exact, inexact = (
        make_plan(case, settings, Reporter()).optimality
        for case in (case_of(), case_of(exact_updates=False))
    )
    assert bound <= inexact.objective_seconds < exact.objective_seconds


@pytest.mark.parametrize(
    "case", [case_of(optimizer="sgd"), case_of(exact_updates=False), case_of(tables=2_000)]
)
def test_nothing_is_told_where_updates_are_exact_anyway_or_inexact_or_many(case):
    assert inexact_bound(case, NEVER) is None


def test_nothing_is_told_once_the_time_is_over():
    assert inexact_bound(case_of(), Deadline.after(0)) is None
