"""Steps that wait for what usually hides: sums beside the backward pass, or the host."""

from __future__ import annotations

import pytest

from shardplan import Settings, load, plan
from shardplan.explain.numbers.side_by_side import Labelled, side_by_side
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.timeline import timeline


def planned(framework: str, replicated_rows: int):
    """Two tables, of which one is data-parallel, and a few dense layers."""
    value = {
        "batch": {"local": 1024},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {
            "optimizer": "sgd",
            "framework": framework,
            "dense": {"layers": [{"mlp": [13, 512, 128]}, {"concat": {"width": 256}}]},
        },
        "tables": [
            {"name": "copied", "rows": replicated_rows, "dim": 128},
            {"name": "whole", "rows": 1_000_000, "dim": 128, "pooling": 20},
        ],
        "constraints": [
            {"tables": "copied", "sharding": "data_parallel"},
            {"tables": "whole", "sharding": "table_wise"},
        ],
    }
    return plan(load(value), Settings("greedy"))


def bottleneck(made) -> str:
    (one,) = side_by_side([Labelled("a", made, Study.of(made, "a").case)]).plans
    return one.bottleneck


@pytest.mark.parametrize("rows", [1000, 1_000_000])
def test_sums_begin_with_the_backward_pass_beside_which_they_run(rows):
    """Few rows are summed in its shadow; many outlast it, and it hides."""
    made = planned("hugectr", rows)
    spans = {span.name: span for span in timeline(made.prediction)}
    sums, passes = spans["all_reduce"], (spans["gradient_comm"], spans["update_backward"])
    begin = spans["dense_backward"].end_seconds
    assert sums.begin_seconds == passes[0].begin_seconds == pytest.approx(begin)
    assert passes[1].begin_seconds == passes[0].end_seconds
    is_longer = sums.seconds > passes[0].seconds + passes[1].seconds
    assert is_longer == (rows > 1000)
    assert sums.is_hidden != is_longer
    assert [span.is_hidden for span in passes] == [is_longer] * 2
    last = sums if is_longer else passes[1]
    assert last.end_seconds == pytest.approx(made.prediction.step_seconds)
    assert (bottleneck(made) == "all_reduce") == is_longer


def test_the_bottleneck_of_a_step_that_its_host_holds_up_is_the_host():
    assert bottleneck(planned("torchrec-eager", 1000)) == "host"
