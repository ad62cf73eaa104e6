"""What each machine can, and how machines scale, of a front made by hand."""

from __future__ import annotations

import pytest
from front_cases import front, point

from shardplan.size.answer.front import Front
from shardplan.size.answer.scaling import Scaling, scaling_curves
from shardplan.size.answer.verdict import verdicts
from shardplan.spec.sizing.goal import Goal


def test_the_fewest_nodes_are_found_unknown_or_proven_impossible():
    found = {each.machine: each for each in verdicts(front())}
    assert found["dgx-b200"].fewest.design.nodes == 1
    assert found["dgx-b200"].cannot is None
    assert found["dgx-h200"].fewest.design.nodes == 4
    assert found["dgx-h200"].fewer_possible.nodes == 2  # dominated by its bound, never solved
    assert found["dgx-h200"].cannot.proof.quantity == "hbm"
    assert found["dgx-h100"].fewest is None
    assert found["dgx-h100"].fewer_possible.nodes == 2
    assert not found["dgx-h100"].is_ruled_out


def test_a_plan_that_falls_short_of_the_target_does_not_count():
    slow = front()
    target = slow.target.model_copy(update={"value": 39e6})
    found = {each.machine: each for each in verdicts(slow.model_copy(update={"target": target}))}
    assert found["dgx-b200"].fewest.design.nodes == 8
    assert found["dgx-h200"].fewest.design.nodes == 4


def of_points(*points):
    return Front(
        name="f", minimise=(Goal.TIME,), gap=0.0, seed=0, candidates=len(points),
        solved=len(points), points=Front.sorted(points),
    )  # fmt: skip


def test_efficiency_is_throughput_per_device_over_that_of_the_fewest_nodes():
    points = [point("dgx-h100", nodes, step, step) for nodes, step in ((4, 2.5e-3), (1, 4e-3))]
    points.append(point("dgx-h100", 2, 2.5e-3, 2.5e-3))
    (curve,) = scaling_curves(of_points(*points))
    assert curve.kind is Scaling.STRONG
    assert [step.design.nodes for step in curve.steps] == [1, 2, 4]
    assert [step.efficiency for step in curve.steps] == pytest.approx([1.0, 0.8, 0.4])


def test_weak_scaling_keeps_the_batch_of_a_device_and_tells_groups_apart():
    alone = [point("dgx-h100", n, 2e-3 * n**0.3, 1e-3, batch=8192 * n) for n in (1, 2, 4)]
    grouped = point("dgx-h100", 4, 2e-3, 1e-3, batch=8192 * 4, groups=4)
    weak = [c for c in scaling_curves(of_points(*alone, grouped)) if c.kind is Scaling.WEAK]
    efficiencies = {c.is_ungrouped: c.steps[-1].efficiency for c in weak}
    assert efficiencies == pytest.approx({False: 1.0, True: 4**-0.3})
    assert {c.batch for c in weak} == {1024.0}
