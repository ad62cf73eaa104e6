"""Terms that depend on what other shards of a device, or other devices, hold."""

from dataclasses import replace

import pytest
from analytic_cases import cluster, load, model, profile, table

from shardplan.cost.analytic.model import AnalyticCostModel
from shardplan.cost.profile.curves import Curve
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

POINTS = ((1e6, 1e-3), (1e7, 2e-3), (1e8, 2e-2))


def update_seconds(tables, page_bytes):
    """Of the first table's update on 8 devices: gathering costs 1 ns a byte, all else nothing."""
    shipped = profile("h100")
    kernel = shipped.update_backward
    rates = type(kernel.hbm)(per_gathered_byte=1e-9)
    mine = replace(
        shipped, page_bytes=page_bytes, update_backward=replace(kernel, launch_seconds=0, hbm=rates)
    )
    workload = Workload("test", tuple(tables), 1_000, Training())
    return load(AnalyticCostModel(workload, cluster(2), mine), "table_wise")["update_backward"]


def test_gathering_costs_more_the_wider_a_devices_outputs_are():
    """10 ids and 1 output a sample, of 64 columns; 8 tables on 8 devices fill 256 bytes each."""
    one = table(dim=64, pooling=10.0)
    tables = [one, *(table(f"t{i}", dim=64) for i in range(7))]
    all_bytes = 1_000 * (10 + 1) * 64 * 4
    assert update_seconds(tables, 4096) == pytest.approx(all_bytes * 1e-9 * 256 / 4096)
    wider = [*tables, *(table(f"u{i}", dim=64) for i in range(8))]
    assert update_seconds(wider, 4096) == pytest.approx(all_bytes * 1e-9 * 512 / 4096)
    assert update_seconds(wider, 256) == pytest.approx(all_bytes * 1e-9)
    assert update_seconds(wider, 0) == 0


def test_gathering_is_free_where_a_profile_does_not_know_it():
    assert model(table()).profile.update_backward.hbm.per_gathered_byte == 0


def test_the_busiest_pays_for_its_excess_alone():
    curve = Curve(POINTS, 1 / 5e9)
    assert curve.seconds_of_unequal(1e7, 1e7) == pytest.approx(2e-3)
    assert curve.seconds_of_unequal(1e7, 3e7) == pytest.approx(2e-3 + 2e7 / 5e9)
    assert Curve(POINTS).seconds_of_unequal(1e7, 1e8) == pytest.approx(2e-2)


def test_the_line_goes_on_at_the_rate_of_excess():
    """Through the curve at the operating point, whatever is more of the largest buffer."""
    curve = Curve(POINTS, 1 / 6e9)
    line = curve.tangent(1e7)
    assert line.seconds(1e7) == pytest.approx(curve.seconds(1e7))
    assert line.seconds(3e7) == pytest.approx(curve.seconds_of_unequal(1e7, 3e7))


def test_a_steep_rate_of_excess_leaves_no_negative_constant():
    line = Curve(POINTS, 1e-6).tangent(1e7)
    assert line.constant_seconds == 0
    assert line.seconds(1e7) == pytest.approx(2e-3)
