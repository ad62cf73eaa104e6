"""How the figures of a phase are known, by hand."""

from __future__ import annotations

import pytest

from shardplan import Settings, explain, load, plan
from shardplan.validation.evidence import Evidence


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ((2, 0, 0, 0), "measured"),
        ((2, 1, 0, 0), "known"),
        ((0, 0, 3, 0), "known"),
        ((1, 1, 1, 1), "partly estimated"),
        ((0, 0, 0, 2), "estimated"),
    ],
)
def test_a_word_for_it(counts, word):
    assert Evidence(*counts).word == word


def explained(nodes: int, **training):
    spec = {
        "batch": {"local": 64},
        "topology": {"name": "dgx-h100", "nodes": nodes},
        "training": training,
        "tables": [{"name": f"t{n}", "rows": 1000 * n, "dim": 64} for n in range(1, 17)],
    }
    return explain(plan(load(spec), Settings(method="greedy")))


def test_collectives_inside_a_node_rest_on_measured_curves_and_across_nodes_on_guesses_too():
    inside, across = (
        {line.name: line.evidence for line in explained(nodes).phases} for nodes in (1, 2)
    )
    assert inside["output_comm"].measured == 12  # four collectives among 2, 4 and 8 devices
    assert inside["output_comm"].estimated == 0
    assert across["output_comm"].estimated > 0


def test_the_range_is_that_of_the_framework_on_such_devices():
    found = explained(1, framework="hugectr").step_range
    assert (found.framework, found.device_class, found.steps) == ("hugectr", "gpu-nvlink", 13)
    assert found.low_seconds < found.high_seconds
    assert explained(1).step_range.framework is None
