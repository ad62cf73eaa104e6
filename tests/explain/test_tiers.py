"""What moves between the tiers, by device and table, of a plan with caches."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from click.testing import CliRunner
from explain_cases import plan_of, small_case

from shardplan.build_case import case_of_value
from shardplan.cli.main import cli
from shardplan.explain.numbers.device_detail import device_detail
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.explanation import TierUse
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.detail_report import device_report, table_report
from shardplan.explain.report.overview import overview
from shardplan.plan.decision import Decision, options_of
from shardplan.plan.file.write import write
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.whatif.worth.more_hbm import MoreHbm, more_hbm

DECISIONS = (
    Decision(0, ShardingType.TABLE_WISE, Kernel.FUSED_UVM_CACHING, 1, (1,), 0.125),
    Decision(1, ShardingType.ROW_WISE, Kernel.KEY_VALUE, 1, (), 0.0625, 0.25),
    Decision(2, ShardingType.TABLE_ROW_WISE, Kernel.FUSED_UVM_CACHING, 1, (1,), 0.5),
    Decision(3, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,)),
)


@pytest.fixture(scope="module")
def cached():
    """Four of the tables, on the same devices with an SSD below."""
    resolved = small_case().resolved
    ssd = {"capacity": "4TB", "read": "6GB/s", "write": "3GB/s", "iops": 1e6}
    node = resolved["topology"]["node"] | {"ssd": ssd}
    costs = {"per_id": "2ns", "path": 0.8, "ssd_page": "4KiB", "ddr_entry": "40B"}
    case = case_of_value(
        resolved
        | {
            "topology": resolved["topology"] | {"node": node},
            "cost_model": resolved["cost_model"] | {"cache": costs},
            "tables": resolved["tables"][:4],
        },
        "resolved",
    )
    return Study.of(plan_of(case, DECISIONS), "plan.json")


def test_tables_have_the_traffic_of_all_their_units(cached):
    """One unit; one on each of four devices; one on each of two."""
    unit = cached.case.cost_model.traffic(options_of(DECISIONS))
    lines = {line.name: line.traffic for line in explain(cached).tables}
    names = [planned.table.name for planned in cached.planned]
    for index, (name, units) in enumerate(zip(names, (1, 4, 2, 1), strict=True)):
        assert lines[name].host_bytes == pytest.approx(units * unit.host_bytes[index], abs=1)
        assert lines[name].ssd_bytes == pytest.approx(units * unit.ssd_bytes[index], abs=1)
        assert lines[name].hit_rate == pytest.approx(unit.hit_rates[index], rel=1e-8)
    assert lines[names[3]].hit_rate == 1
    assert lines[names[3]].host_bytes == 0


def test_devices_have_the_traffic_of_what_they_hold(cached):
    unit = cached.case.cost_model.traffic(options_of(DECISIONS))
    held = {0: (1, 3), 1: (0, 1), 2: (1, 2), 3: (1, 2)}
    for line in explain(cached).devices:
        tables = list(held[line.rank])
        assert line.traffic.host_bytes == pytest.approx(unit.host_bytes[tables].sum(), abs=1)
        assert line.traffic.ssd_bytes == pytest.approx(unit.ssd_bytes[tables].sum(), abs=1)
        accesses = unit.accesses[tables]
        hits = (accesses * unit.hit_rates[tables]).sum() / accesses.sum()
        assert line.traffic.hit_rate == pytest.approx(hits, rel=1e-8)


def test_the_sum_over_devices_is_the_sum_over_tables(cached):
    found = explain(cached)
    for name in ("host_bytes", "ssd_bytes"):
        devices, tables = (
            sum(getattr(line.traffic, name) for line in lines)
            for lines in (found.devices, found.tables)
        )
        assert devices == pytest.approx(tables, abs=len(found.devices) + len(found.tables))


def test_reports_tell_hits_and_traffic(cached):
    text = render_terminal(overview(explain(cached), 0))
    assert "Tiers, by device" in text
    assert "fused_uvm_caching (12.5% cached)" in text
    assert "key_value (6.2% cached, 25.0% in ddr)" in text
    page = render_terminal(table_report(table_detail(cached, "item_id")))
    assert "of the lookups in HBM" in page
    assert "of SSD in one step" in page
    assert "over the host link" in render_terminal(device_report(device_detail(cached, 2)))


@pytest.mark.parametrize("ranks", [(2,), (0, 1, 2)])
def test_reports_tell_what_more_hbm_would_save(cached, ranks):
    step = explain(cached).objective_seconds
    found = explain(cached, MoreHbm(2**30, 0.25 * step, 0.125 * step, ranks, 3))
    lines = render_terminal(overview(found, 0)).splitlines()
    (each,) = (line for line in lines if "on every device" in line)
    (once,) = (line for line in lines if "once, where it saves most" in line)
    assert each.endswith("25.0% of step")
    assert once.endswith("12.5% of step")
    assert ("rank 2 " if ranks == (2,) else "ranks 0-2 ") in once


def test_reports_tell_why_more_hbm_would_save_nothing(cached):
    """No caches; memory to spare; or full memory that the step does not wait for."""
    found = explain(cached, MoreHbm(2**30, 0.0, 0.0, (), 3))
    full = replace(found, devices=tuple(replace(d, hbm=TierUse(99, 100)) for d in found.devices))
    uncached = replace(full, more_hbm=MoreHbm(2**30, 0.0, 0.0, (), 0))
    for shown, reason in (
        (found, "nothing: HBM is not scarce"),
        (uncached, "no table has a cache that could grow"),
        (full, "nothing: the step does not wait for what larger caches"),
    ):
        assert reason in render_terminal(overview(shown, 0))


def test_every_format_of_the_command_values_more_hbm(cached, tmp_path):
    file = tmp_path / "plan.json"
    write(cached.plan, file)
    value = more_hbm(cached.case, cached.ledger.decisions)
    assert value.on_every_device_seconds >= 0
    for form in ("table", "markdown", "html"):
        result = CliRunner().invoke(cli, ["explain", str(file), "--format", form])
        assert "More HBM" in result.stdout
    result = CliRunner().invoke(cli, ["explain", str(file), "--format", "json"])
    assert json.loads(result.stdout)["more_hbm"] == json.loads(json.dumps(asdict(value)))


def test_without_traffic_there_is_no_such_section(study):
    """Nothing but the table in host memory moves between tiers."""
    moving = {line.name for line in explain(study).tables if line.traffic.host_bytes}
    assert moving == {"archive"}
    plain = tuple(Decision(t, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (t % 4,)) for t in range(8))
    all_in_hbm = Study.of(plan_of(small_case(), plain), "plan.json")
    assert "Tiers" not in render_terminal(overview(explain(all_in_hbm), 0))
