from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_cases import EACH, WORLD, constraint, make_case, make_plan

from shardplan.plan.decision import Decision
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.verify import verify
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.optimizers.optimizer import Optimizer


def test_finds_nothing_wrong_with_a_good_plan(plan, case):
    assert verify(plan, case) == ()


CONSTRAINTS = {
    "is table_wise; the spec allows row_wise, column_wise (constraints[0])": constraint(
        0, sharding=(ShardingType.ROW_WISE, ShardingType.COLUMN_WISE)
    ),
    "runs fused; the spec allows fused_uvm (constraints[0])": constraint(
        0, kernels=(Kernel.FUSED_UVM,)
    ),
    "lies on rank 3; the spec allows 0, 1 (constraints[0])": constraint(0, ranks=(0, 1)),
    "is not together: it lies on [2, 3], 't0' [3] (constraints[0])": constraint(
        0, 4, together=True
    ),
    "is not apart: it shares rank 3 with 't0' (constraints[0])": constraint(0, 4, apart=True),
}


@pytest.mark.parametrize("message", CONSTRAINTS)
def test_finds_every_constraint_that_is_not_obeyed(plan, message):
    case = make_case(constraints=[CONSTRAINTS[message]])
    assert [finding.message for finding in verify(plan, case)] == [message]


def test_accepts_constraints_that_are_obeyed(plan):
    obeyed = [
        constraint(0, sharding=(ShardingType.TABLE_WISE,), kernels=(Kernel.FUSED,), ranks=(2, 3)),
        constraint(3, 5, together=True),
        constraint(0, 6, apart=True),
    ]
    assert verify(plan, make_case(constraints=obeyed)) == ()


def test_finds_column_shards_where_exact_updates_are_asked_for(plan):
    case = make_case(exact_updates=True, optimizer=Optimizer.ROWWISE_ADAGRAD)
    assert [finding.where for finding in verify(plan, case)] == [
        "plan.a.t2",
        "plan.b.t5",
        "plan.a.t6",
    ]


@pytest.mark.parametrize(
    ("tier", "usable", "where"), [(0, 600_000, ["rank 3"]), (1, 500_000, ["node 0", "node 1"])]
)
def test_finds_what_is_over_the_capacity_that_the_reserve_leaves(plan, case, tier, usable, where):
    raw = case.capacity.raw_bytes.copy()
    raw[tier] = usable + case.capacity.reserve_bytes[tier]
    small = replace(case, capacity=replace(case.capacity, raw_bytes=raw))
    found = verify(plan, small)
    assert [(finding.code, finding.where) for finding in found] == [("memory", w) for w in where]
    assert f"{usable} are usable" in found[0].message


def test_finds_row_splits_that_leave_a_device_without_rows():
    """One row on the two ranks of a node is 1, 0, of which no engine trains the second.

    9 rows on all 4 ranks, which are 3, 3, 3, 0, they do.
    """
    case = make_case(dims=(8,), rows=1)
    plan = make_plan(case, [Decision(0, ShardingType.TABLE_ROW_WISE, Kernel.FUSED, 1, (0,))])
    assert [str(finding) for finding in verify(plan, case)] == [
        "runtime: plan.a.t0: 1 rows in blocks of 1 leave 1 of 2 devices without a row"
    ]
    case = make_case(dims=(8,), rows=9)
    plan = make_plan(case, [Decision(0, ShardingType.ROW_WISE, Kernel.FUSED)])
    assert verify(plan, case) == ()


def _decisions(table: int, dim: int) -> st.SearchStrategy[Decision]:
    """Every legal decision for a table of 1,000 rows or more."""
    kernels = st.sampled_from([Kernel.FUSED, Kernel.FUSED_UVM])
    device, node = st.integers(0, WORLD - 1), st.integers(0, WORLD // EACH - 1)
    cuts = st.sampled_from([cut for cut in (2, 4) if dim % (4 * cut) == 0])

    def placed(kind, each, counts):
        return st.tuples(kernels, counts).flatmap(
            lambda drawn: st.lists(each, min_size=drawn[1], max_size=drawn[1]).map(
                lambda targets: Decision(table, kind, drawn[0], drawn[1], tuple(targets))
            )
        )

    return st.one_of(
        st.just(Decision(table, ShardingType.DATA_PARALLEL, Kernel.DENSE)),
        kernels.map(lambda kernel: Decision(table, ShardingType.ROW_WISE, kernel)),
        placed(ShardingType.TABLE_WISE, device, st.just(1)),
        placed(ShardingType.COLUMN_WISE, device, cuts),
        placed(ShardingType.TABLE_ROW_WISE, node, st.just(1)),
        placed(ShardingType.GRID_SHARD, node, cuts),
        st.tuples(kernels, cuts, node).map(
            lambda drawn: Decision(
                table, ShardingType.TABLE_COLUMN_WISE, drawn[0], drawn[1], (drawn[2],)
            )
        ),
    )


@given(st.data())
def test_any_legal_decisions_survive_the_file_and_verify(data):
    case = make_case(dims=data.draw(st.lists(st.sampled_from([16, 32, 96]), max_size=6)) or (16,))
    decisions = [
        data.draw(_decisions(index, table.dim)) for index, table in enumerate(case.workload.tables)
    ]
    plan = make_plan(case, decisions)
    text = render(plan)
    again = parse_plan(text, "plan.json")
    assert again == plan
    assert render(again) == text
    assert verify(again, case) == ()
