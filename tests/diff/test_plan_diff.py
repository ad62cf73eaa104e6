"""What ``diff`` says of two plans against tables painted cell by cell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from diff_cases import BYTES_OF_A_CELL, EACH, case_of, decisions, painted, plan_of
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from shardplan.explain.render.as_json import render_json
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.diff_report import diff_report
from shardplan.plan.decision import Decision
from shardplan.plan.diff.moves import Content
from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

WHOLE = ShardingType.TABLE_WISE


def at(*devices, kernel=Kernel.FUSED):
    """Whole tables on these devices."""
    return tuple(Decision(t, WHOLE, kernel, 1, (device,)) for t, device in enumerate(devices))


def uses(diff):
    return {use.kind: use for use in diff.links}


@examples(80)
@given(data=st.data(), nodes=st.sampled_from([(2, 2), (2, 3), (3, 2), (1, 2)]))
def test_the_bytes_are_those_of_the_cells_that_ranks_lack(data, nodes):
    before, after = case_of(nodes=nodes[0]), case_of(nodes=nodes[1], a=17)
    old = plan_of(before, data.draw(decisions(before)))
    new = plan_of(after, data.draw(decisions(after)))
    diff = diff_plans(old, new, after)
    moved = {table.name: table for table in diff.tables}
    world = max(old.world_size, new.world_size)
    for then, now in zip(old.tables, new.tables, strict=True):
        common = min(then.rows, now.rows)
        entries = [plan.plan[now.module][now.name] for plan in (old, new)]
        held, wanted = (
            painted(entry, facts.rows, now.dim, world)[:, :common]
            for entry, facts in zip(entries, (then, now), strict=True)
        )
        cells = int((wanted & ~held).sum())
        table = moved.get(now.name)
        assert (table.moved_bytes if table else 0) == cells * BYTES_OF_A_CELL
        if table and entries[0].sharding_type is not ShardingType.DATA_PARALLEL:
            assert table.within_node_bytes == _inside(held, wanted, new.world_size)


def _inside(held, wanted, world):
    """Bytes that come from another rank of the same node, every cell having one holder."""
    cells = 0
    for rank in range(world):
        mates = [mate for mate in range(world) if mate // EACH == rank // EACH and mate != rank]
        cells += int((wanted[rank] & ~held[rank] & held[mates].any(axis=0)).sum())
    return cells * BYTES_OF_A_CELL


@examples(30)
@given(data=st.data())
def test_a_plan_does_not_differ_from_itself(data):
    case = case_of()
    plan = plan_of(case, data.draw(decisions(case)))
    diff = diff_plans(plan, plan, case)
    assert diff.is_empty
    assert (diff.tables, diff.links, diff.phases, diff.devices, diff.inputs) == ((),) * 5
    assert render_terminal(diff_report(diff)) == "painted -> painted: no difference\n"


@examples(30)
@given(data=st.data())
def test_what_is_on_the_links_is_what_the_tables_move(data):
    case = case_of()
    old, new = (plan_of(case, data.draw(decisions(case))) for _ in range(2))
    diff = diff_plans(old, new, case)
    by_kind = {kind: use.moved_bytes for kind, use in uses(diff).items()}
    assert by_kind.get("within nodes", 0) == sum(t.within_node_bytes for t in diff.tables)
    assert by_kind.get("across nodes", 0) == sum(t.across_node_bytes for t in diff.tables)
    assert by_kind.get("between tiers", 0) == sum(t.tier_bytes for t in diff.tables)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rowwise_adagrad", "adam"])
def test_a_whole_table_moves_the_bytes_of_its_shard(optimizer):
    case = case_of(optimizer=optimizer)
    old, new = plan_of(case, at(0, 1, 2)), plan_of(case, at(3, 1, 2))
    (moved,) = diff_plans(old, new, case).tables
    shard = new.plan["sparse.ebc"]["a"].shards[0].memory_bytes
    assert (moved.name, moved.moved_bytes) == ("a", shard.hbm)


def test_times_are_bytes_over_the_rate_of_the_link_that_carries_most():
    """A node has one NIC of 10 GB/s, a device 100 GB/s to its switch and 32 GB/s to its host."""
    case = case_of()
    sizes = [t.rows * t.dim * BYTES_OF_A_CELL for t in case.workload.tables]
    old = plan_of(case, at(0, 1, 2))
    found = uses(diff_plans(old, plan_of(case, at(2, 3, 3)), case))
    across = found["across nodes"]
    assert across.moved_bytes == sizes[0] + sizes[1]
    assert across.seconds == pytest.approx((sizes[0] + sizes[1]) / 10e9)
    assert across.bottleneck == "nic:0.0 -> core"
    within = found["within nodes"]
    assert (within.moved_bytes, within.seconds) == (sizes[2], pytest.approx(sizes[2] / 100e9))
    found = uses(diff_plans(old, plan_of(case, at(0, 1, 2, kernel=Kernel.FUSED_UVM)), case))
    tiers = found["between tiers"]
    assert tiers.moved_bytes == sum(sizes)
    assert tiers.seconds == pytest.approx(max(sizes) / 32e9)


def test_what_lay_on_devices_that_are_gone_comes_from_elsewhere():
    old, case = plan_of(case_of(nodes=2), at(3, 1, 1)), case_of(nodes=1)
    found = uses(diff_plans(old, plan_of(case, at(0, 1, 1)), case))
    assert list(found) == ["from gone devices"]
    assert found["from gone devices"].seconds is None


def test_each_input_that_changed_is_named_with_its_keys():
    before, after = case_of(nodes=2), case_of(nodes=3, b=48)
    diff = diff_plans(plan_of(before, at(0, 1, 2)), plan_of(after, at(0, 1, 2)), after)
    named = {changed.input: [c.where for c in changed.changes] for changed in diff.inputs}
    assert named == {"topology": ["topology.nodes"], "spec": ["tables.b.rows"]}
    assert {device.rank for device in diff.devices if device.old is None} == {4, 5}
    assert [table.name for table in diff.tables] == ["b"]
    assert diff.moved_bytes == 0


def test_new_and_dropped_tables_move_nothing():
    case = case_of()
    plan = plan_of(case, at(0, 1, 2))
    fewer = plan.model_copy(
        update={
            "plan": {"sparse.ebc": {k: v for k, v in plan.plan["sparse.ebc"].items() if k != "b"}},
            "tables": tuple(t for t in plan.tables if t.name != "b"),
        }
    )
    (dropped,), (new,) = (
        diff_plans(plan, fewer, case).tables, diff_plans(fewer, plan, case).tables,
    )  # fmt: skip
    assert (dropped.name, dropped.new, dropped.moved_bytes) == ("b", None, 0)
    assert (new.name, new.old, new.moved_bytes) == ("b", None, 0)


@examples(20)
@given(data=st.data())
def test_phases_and_devices_are_those_whose_predictions_differ(data):
    case = case_of()
    old, new = (plan_of(case, data.draw(decisions(case))) for _ in range(2))
    diff = diff_plans(old, new, case)
    then, now = old.prediction, new.prediction
    assert {p.name: (p.old_seconds, p.new_seconds) for p in diff.phases} == {
        name: (then.phases[name], now.phases[name])
        for name in now.phases
        if then.phases[name] != now.phases[name]
    }
    memory = [[rank.memory_bytes.hbm for rank in side.ranks] for side in (then, now)]
    changed = set(np.flatnonzero(np.array(memory[0]) != np.array(memory[1])).tolist())
    assert changed <= {device.rank for device in diff.devices}


def test_the_json_has_every_table():
    case = case_of()
    diff = diff_plans(plan_of(case, at(0, 1, 2)), plan_of(case, at(3, 0, 1)), case)
    value = json.loads(render_json(diff))
    assert {table["name"] for table in value["tables"]} == {"a", "b", "c"}


def test_of_a_table_that_nobody_held_nothing_can_be_fetched():
    """Such plans do not run, and yet a diff of them is no error."""
    case = case_of()
    plan = plan_of(case, at(0, 1, 2))
    entries = plan.plan["sparse.ebc"]
    empty = entries["a"].model_copy(update={"shards": (), "ranks": ()})
    none = plan.model_copy(update={"plan": {"sparse.ebc": {**entries, "a": empty}}})
    assert diff_plans(none, plan, case).moved_bytes == 0
    assert diff_plans(plan, none, case).moved_bytes == 0


@pytest.mark.parametrize(
    ("optimizer", "then", "now", "bytes_of_a_row"),
    [
        # 64 columns in fp16; Adagrad keeps 4 bytes for each column, row-wise Adagrad 4 for a row.
        (Optimizer.SGD, Kernel.FUSED, Kernel.FUSED_UVM, 128),
        (Optimizer.ROWWISE_ADAGRAD, Kernel.FUSED_UVM, Kernel.FUSED, 128),
        (Optimizer.ADAGRAD, Kernel.FUSED, Kernel.FUSED_UVM, 128 + 256),
        (Optimizer.ADAGRAD, Kernel.FUSED, Kernel.KEY_VALUE, 128),
        (Optimizer.ADAGRAD, Kernel.FUSED_UVM_CACHING, Kernel.KEY_VALUE, 128 + 256),
        (Optimizer.ADAM, Kernel.FUSED_UVM, Kernel.FUSED_UVM_CACHING, 0),
        (Optimizer.ADAM, Kernel.DENSE, Kernel.FUSED, 0),
    ],
)
def test_between_tiers_goes_what_the_kernels_keep_in_different_ones(
    optimizer, then, now, bytes_of_a_row
):
    content = Content(Dtype.FP16, optimizer.state())
    found = content.tier_bytes_of(np.array([[10, 64], [1, 64]]), then, now)
    assert found.tolist() == [10 * bytes_of_a_row, bytes_of_a_row]
