"""Machines that do not exist yet."""

from __future__ import annotations

from itertools import product

import pytest

from shardplan import Settings, load, plan
from shardplan.cost.part import Part
from shardplan.errors import InputError
from shardplan.size.bounds.least_step import least_step
from shardplan.size.vary.balanced import balanced
from shardplan.size.vary.knob import Knob
from shardplan.size.vary.known_plans import KnownPlans
from shardplan.size.vary.marginal import marginal_values
from shardplan.size.vary.resource import Resource, resources_of
from shardplan.size.vary.sweep import settled, sweep, with_values
from shardplan.size.vary.twice import solved_twice
from shardplan.size.vary.why_not_machine import why_not_machine

QUICK = Settings("greedy", effort=0.01, time_limit_seconds=1e5)
GIB = 2**30


def spec(topology="dgx-a100", rows=40_000_000, nodes=2, tables=10):
    return {
        "batch": {"global": 32_768},
        "topology": {"name": topology, "nodes": nodes},
        "training": {"optimizer": "rowwise_adagrad", "pipeline": "sparse_dist"},
        "tables": [
            {
                "name": f"t{n}",
                "rows": rows * (1 + n % 4),
                "dim": 128,
                "pooling": 5 + n,
                "access": {"zipf": 1.05},
            }
            for n in range(tables)
        ],
    }


SCARCE = spec(rows=100_000_000)
"""Tables that HBM does not hold."""


def test_values_are_a_list_or_doubled_up_to_the_last():
    machine = load(spec()).machine
    doubled = Knob.parse(machine, "device.hbm.capacity=40..100GiB")
    assert doubled.values == (40 * GIB, 80 * GIB, 100 * GIB)
    listed = Knob.parse(machine, "nics.rate=400Gb/s,100Gb/s,200Gb/s")
    assert listed.values == (12.5e9, 25e9, 50e9)
    counted = Knob.parse(machine, "nics.count=4..8")
    assert counted.values == (4, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nics.rate", "is not path=values"),
        ("nics.speed=100..200Gb/s", "no figure 'nics.speed'"),
        ("device.hbm.read=1..2TB/s", "no phase is predicted from this rate"),
        ("nics.rate=200..100Gb/s", "is no range"),
        ("nics.rate=100..200GiB", "unknown unit 'GiB' of a rate"),
        ("ingest=1..2GB/s", "no figure 'ingest'"),
        ("nics.rate=1..2GB/s@5", "cannot read the price '5'"),
        ("nics.rate=1..2GB/s@5/GiB", "cannot read the price '5/GiB'"),
    ],
)
def test_what_cannot_be_varied_is_said(text, message):
    with pytest.raises(InputError, match=message):
        Knob.parse(load(spec()).machine, text)


def test_a_machine_with_what_it_has_is_the_same():
    case = load(spec())
    for path in resources_of(case.machine):
        resource = Resource.named(case.machine, path)
        same = resource.in_case(case, resource.of(case.machine))
        assert resource.of(same.machine) == pytest.approx(resource.of(case.machine))
        assert least_step(same).seconds == pytest.approx(least_step(case).seconds, rel=1e-9), path


@pytest.mark.parametrize("value", [spec(), SCARCE], ids=["in HBM", "beyond HBM"])
def test_more_of_a_resource_never_makes_the_least_step_longer(value):
    case = load(value)
    for path in resources_of(case.machine):
        resource = Resource.named(case.machine, path)
        now, steps = resource.of(case.machine), []
        factors = (1, 2, 4) if resource.is_better_higher else (4, 2, 1)
        if path == "nics.count":
            factors = (1, 2)
        for factor in factors:
            at = min(now * factor, 1.0) if path == "nics.efficiency" else now * factor
            steps.append(least_step(resource.in_case(case, at)).seconds)
        assert steps == sorted(steps, reverse=True), path


@pytest.mark.parametrize("value", [spec(), SCARCE], ids=["in HBM", "beyond HBM"])
def test_marginal_values_by_differences_and_by_duals_agree(value):
    found = marginal_values(load(value))
    counts = [each.path for each in found if each.elasticity is None]
    assert counts == ["nics.count"]
    assert any(each.elasticity < -0.01 for each in found if each.path not in counts)
    for each in found:
        assert each.twice <= 1e-6
        if each.path in counts:
            continue
        assert each.elasticity == pytest.approx(each.dual_elasticity, rel=0.05, abs=1e-6)


def test_hbm_is_worth_something_only_where_it_is_scarce():
    paths = ["device.hbm.capacity"]
    (ample,) = marginal_values(load(spec(rows=1_000_000)), paths)
    (scarce,) = marginal_values(load(SCARCE), paths)
    assert ample.elasticity == ample.dual_elasticity == 0
    assert scarce.elasticity < -0.01
    assert scarce.twice < -0.01


def test_plans_of_machines_with_more_are_never_slower():
    case = load(spec(rows=4_000_000, tables=4))
    texts = ["nics.rate=100..200Gb/s", "scale_up.bandwidth=150..300GB/s"]
    knobs = [Knob.parse(case.machine, text) for text in texts]
    mixes = {mix.values: mix for mix in sweep(case, knobs, QUICK)}
    assert len(mixes) == 4
    for one, other in product(mixes.values(), repeat=2):
        assert one.bound.seconds <= one.step_seconds * (1 + 1e-6)
        if all(a <= b for a, b in zip(one.values, other.values, strict=True)):
            assert other.step_seconds <= one.step_seconds * (1 + 1e-9)
            assert other.bound.seconds <= one.bound.seconds * (1 + 1e-9)


def test_the_change_between_the_best_plans_is_what_is_told_of_it():
    """Against solves that go on until plans are optimal."""
    case = load(spec(rows=400_000, tables=3, nodes=1) | {"batch": {"global": 8192}})
    rough = Settings(gap=0.1, node_limit=50, time_limit_seconds=1e5)
    found = solved_twice(case, marginal_values(case), KnownPlans(), rough)
    assert found
    exact = Settings(gap=1e-4, node_limit=1000, time_limit_seconds=1e5)
    now = plan(case, exact).optimality
    for each in found:
        resource = Resource.named(case.machine, each.path)
        factor = 2 if resource.is_better_higher else 0.5
        twice = resource.in_case(case, resource.of(case.machine) * factor)
        then = plan(twice, exact).optimality
        assert each.least_change - 1e-6 <= then.objective_seconds / now.lower_bound_seconds - 1
        assert then.lower_bound_seconds / now.objective_seconds - 1 <= each.most_change + 1e-6
        assert each.least_change <= each.change + 1e-9


def test_a_machine_is_shown_with_the_best_plan_that_is_known_of_it():
    case = load(spec(rows=4_000_000, tables=4))
    knobs = [Knob.parse(case.machine, "nics.rate=200..400Gb/s")]
    known = KnownPlans()
    mixes = sweep(case, knobs, QUICK, known=known)
    better = known.solved(case, Settings("auto", node_limit=20, time_limit_seconds=1e5))
    shown = tuple(settled(case, knobs, mixes, QUICK, known))
    assert shown[0].step_seconds <= better.prediction.step_seconds
    assert shown[1].step_seconds <= shown[0].step_seconds


def test_the_balanced_machine_is_the_best_of_all_within_its_budget():
    case = load(SCARCE)
    texts = ["device.hbm.capacity=40..160GiB@10/GiB", "nics.rate=100..400Gb/s@20/GB/s"]
    knobs = [Knob.parse(case.machine, text) for text in texts]
    assert [knob.price for knob in knobs] == pytest.approx([10 / GIB, 20 / 1e9])
    budget = 10 * 80 + 20 * 25

    def bound_of(values):
        return least_step(with_values(case, knobs, values))

    found = balanced(knobs, budget, bound_of)
    every = {
        values: bound_of(values).seconds
        for values in product(*(knob.values for knob in knobs))
        if sum(k.price * v for k, v in zip(knobs, values, strict=True)) <= budget
    }
    assert found.least_seconds == min(every.values())
    assert every[found.values] == found.bound.seconds <= found.least_seconds * 1.001
    assert found.cost <= budget
    assert balanced(knobs, 1, bound_of) is None


def test_nothing_is_paid_for_what_does_not_help():
    case = load(spec(rows=1_000_000))
    texts = ["device.hbm.capacity=40..160GiB@10/GiB", "nics.rate=100..400Gb/s@20/GB/s"]
    knobs = [Knob.parse(case.machine, text) for text in texts]
    found = balanced(knobs, 1e9, lambda values: least_step(with_values(case, knobs, values)))
    assert found.values == (40 * GIB, 50e9)


def test_what_keeps_zion_behind_zionex_is_its_nics():
    """Tables like Neo's model A (Mudigere et al. 2022): many of a mean dim of 93, pooling 15."""
    tables = [
        {"name": f"t{n}", "rows": 800_000 * (1 + n % 3), "dim": 92, "pooling": 15, "dtype": "fp16"}
        for n in range(96)
    ]
    value = spec() | {"batch": {"global": 65_536}, "tables": tables}
    zion, zionex = (
        load(value | {"topology": {"name": name, "nodes": 16}}) for name in ("zion", "zionex")
    )
    found = why_not_machine(zion, zionex, least_step)
    assert plan(zionex, QUICK).prediction.step_seconds < found.bound.seconds
    assert [each.part for each in found.exchanged[:2]] == ["nics", "device.host_link"]
    saved = sum(each.saved_seconds for each in found.exchanged[:2])
    assert saved > 0.9 * (found.bound.seconds - found.other.seconds)
    assert found.bound.parts[Part.NETWORK] > 0.8 * found.bound.seconds
