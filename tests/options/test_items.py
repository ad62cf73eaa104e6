"""Tables that are placed as one, against products written out."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from test_enumerate import IN_DDR, workload_of

from shardplan.options.constraint import Constraint
from shardplan.options.enumerate import enumerate_options
from shardplan.options.items import group_items, item_options
from shardplan.options.offer import Offer
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.sharding.world import World

CLUSTER = World(4, 2)

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6)


@given(pairs)
def test_tables_together_through_others_are_one_item(drawn):
    """Against repeated merging of sets."""
    groups = [{table} for table in range(7)]
    for left, right in drawn:
        first, second = (next(g for g in groups if table in g) for table in (left, right))
        if first is not second:
            groups.remove(second)
            first |= second
    constraints = [Constraint(tuple(sorted({left, right})), together=True) for left, right in drawn]
    items = group_items(7, constraints)
    assert items.tables == tuple(sorted(tuple(sorted(group)) for group in groups))
    assert [items.tables[item] for item in items.of_table] == [
        next(tuple(sorted(g)) for g in groups if table in g) for table in range(7)
    ]


def test_apart_speaks_of_items():
    """Tables 1 and 2 are one item, which is kept apart from table 3."""
    items = group_items(
        4, [Constraint((1, 2), together=True), Constraint((2, 3), apart=True), Constraint((0,))]
    )
    assert items.tables == ((0,), (1, 2), (3,))
    assert [group.tolist() for group in items.apart] == [[1, 2]]


@given(st.lists(st.sampled_from([4, 8, 16, 24, 48]), min_size=1, max_size=3), st.data())
def test_an_item_has_every_common_cut_with_every_mix_of_kernels(dims, data):
    """Each way is one option per table, of one sharding type and number of column shards."""
    rows = [data.draw(st.sampled_from([2, 1000])) for _ in dims]
    workload = workload_of((50, 32), *zip(rows, dims, strict=True))
    tables = tuple(range(1, len(dims) + 1))
    options = enumerate_options(workload, CLUSTER, (), IN_DDR)
    items = group_items(len(dims) + 1, [Constraint(tables, together=True)])
    members = item_options(options, items)

    def cut(row: int) -> tuple[int, int]:
        return int(options.sharding[row]), int(options.column_shards[row])

    choices = [[r for r in range(len(options)) if options.table[r] == t] for t in tables]
    expected = {ways for ways in product(*choices) if len({cut(row) for row in ways}) == 1}
    joint = [tuple(row) for row in members.tolist() if options.table[row[0]] != 0]
    assert set(joint) == expected
    assert len(joint) == len(expected)
    alone = [row for row in members.tolist() if options.table[row[0]] == 0]
    assert [row[0] for row in alone] == [r for r in range(len(options)) if options.table[r] == 0]
    assert all(set(row[1:]) <= {-1} for row in alone)


def test_many_tables_together_share_a_kernel():
    """Seven tables with two kernels have 128 mixes: only those with one kernel are tried."""
    tables = tuple(range(7))
    workload = workload_of(*[(1000, 4)] * 7)
    options = enumerate_options(workload, CLUSTER, (), IN_DDR)
    members = item_options(options, group_items(7, [Constraint(tables, together=True)]))
    for row in members:
        assert len({options.compute_kernel(option) for option in row}) == 1
    used = {options.compute_kernel(row[0]) for row in members}
    assert used == {Kernel.DENSE, Kernel.FUSED, Kernel.FUSED_UVM}


def test_tables_together_have_caches_of_the_same_size_or_none():
    tables = (0, 1, 2)
    workload = workload_of(*[(1000, 64)] * 3)
    only = Constraint(tables, sharding=(ShardingType.TABLE_WISE,), kernels=tuple(KERNELS))
    options = enumerate_options(workload, CLUSTER, [only], Offer(frozenset(KERNELS)))
    members = item_options(options, group_items(3, [Constraint(tables, together=True)]))
    cached = options.has_kernel(lambda kernel: kernel.caches)[members]
    assert (cached.all(axis=1) == cached.any(axis=1)).all()
    assert (~cached[:, 0]).sum() == 2**3
    for column in (options.kernel, options.hbm_share, options.ddr_share):
        same = column[members[cached[:, 0]]]
        assert (same == same[:, :1]).all()
    assert cached[:, 0].sum() == 10 + 55


def test_many_tables_share_one_kernel_and_their_mixes_are_not_even_counted_out():
    """Sixty tables of two kernels have 2**60 mixes."""
    tables = tuple(range(60))
    workload = workload_of((50, 32), *[(1000, 32)] * 59)
    options = enumerate_options(workload, CLUSTER, (), IN_DDR)
    members = item_options(options, group_items(60, [Constraint(tables, together=True)]))
    kernels = options.kernel[members]
    assert (kernels == kernels[:, :1]).all()
    whole = options.has_type(lambda kind: kind is ShardingType.TABLE_WISE)[members[:, 0]]
    assert len(set(kernels[whole, 0].tolist())) == whole.sum() == 2
