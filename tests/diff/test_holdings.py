"""What ranks hold of many tables, told table by table."""

from __future__ import annotations

import numpy as np
from diff_cases import case_of, decisions
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from shardplan.plan.diff.holding import Holding
from shardplan.plan.diff.holdings import Holdings, rectangles_of
from shardplan.plan.diff.moves import Content, moves_between


def rectangles(holdings, table):
    mine = holdings.table == table
    return [part[mine].tolist() for part in (holdings.rank, holdings.first, holdings.end)]


@examples(40)
@given(data=st.data(), nodes=st.sampled_from([(2, 2), (2, 3), (3, 2)]))
def test_what_moves_is_what_moves_of_each_table(data, nodes):
    before, after = case_of(nodes=nodes[0]), case_of(nodes=nodes[1], a=17, c=5)
    olds = [Holding.of_decision(each, before) for each in data.draw(decisions(before))]
    made = data.draw(decisions(after))
    tables, training = after.workload.tables, after.workload.training
    wide = np.array([table.dtype.bytes for table in tables])
    new = Holdings.of_decisions(made, after)
    found = Holdings.of(olds).moved_bytes(new, wide, training.state)
    each = after.topology.devices_per_node
    assert found.tolist() == [
        moves_between(
            old,
            Holding.of_decision(decision, after),
            Content(tables[decision.table].dtype, training.state),
            each,
        ).total_bytes
        for old, decision in zip(olds, made, strict=True)
    ]


@examples(20)
@given(data=st.data())
def test_side_by_side_they_are_what_each_is(data):
    case = case_of()
    made = data.draw(decisions(case))
    all_of_them = Holdings.of_decisions(made, case)
    olds = [Holding.of_decision(each, case) for each in made]
    taken = Holdings.of([*olds, None]).take(np.array([2, 3, 0]))
    for number, alone in enumerate(olds):
        parts = [part.tolist() for part in (alone.rank, alone.first, alone.end)]
        assert rectangles(all_of_them, number) == parts
        assert len(parts[0]) <= rectangles_of(made[number], case)
    assert [rectangles(taken, number) for number in range(3)] == [
        rectangles(all_of_them, 2),
        [[], [], []],
        rectangles(all_of_them, 0),
    ]
