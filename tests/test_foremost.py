"""A solve does not end with a plan that is slower than one that it had before."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan.build_case import case_of_value
from shardplan.plan.predict import predict
from shardplan.planning.foremost import foremost
from shardplan.planning.formulate import formulate
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending, Outcome
from shardplan.solve.problem.placement import Placement, evaluate

NOWHERE = np.zeros(0, dtype=np.int64)


@pytest.fixture(scope="module")
def case():
    """A table cut by rows, of which the first are hot, and a whole one."""
    table = {"rows": 4_000_000, "dim": 128, "access": {"zipf": 1.2}, "pooling": 20}
    hot = {"name": "hot", "ids": "by_frequency", **table}
    ways = (("hot", "row_wise"), ("whole", "table_wise"))
    return case_of_value(
        {
            "name": "hot first",
            "batch": {"local": 1024},
            "topology": {"name": "dgx-h100", "nodes": 1},
            "tables": [hot, {"name": "whole", **table}],
            "constraints": [
                {"tables": name, "sharding": [kind], "kernels": ["fused"]} for name, kind in ways
            ],
        },
        "spec",
    )


def test_the_quickest_plan_is_taken_of_all_that_were(case):
    """Wherever the whole table lies, the same is charged; least is borne beside the last block."""
    formulation = formulate(case)
    problem = formulation.problem
    options = problem.option_offsets[:-1]
    beside = [Placement.of(options, [NOWHERE, np.array([device])]) for device in range(8)]
    seconds = [predict(case, formulation.decisions(each)).step_seconds for each in beside]
    charged = {evaluate(problem, each).objective for each in beside}
    assert seconds[0] > seconds[1] > seconds[7]
    assert max(charged) == pytest.approx(min(charged))

    def best_of(last, *earlier, latest=16):
        outcome = Outcome(last, min(charged), 0.0, "none", "any", Ending.GAP, (), earlier)
        found = foremost(case, formulation, outcome, Deadline.after(1e6), latest)
        assert found.objective == pytest.approx(min(charged))
        return found.placement

    assert best_of(beside[0], beside[1], beside[7], beside[2]) is beside[7]
    assert best_of(beside[7], *beside[:7]) is beside[7]
    assert best_of(beside[0], beside[7], beside[1], latest=1) is beside[1]
