"""Shard geometry against TorchRec's golden splits, and against the cells of small tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.sharding.geometry import Shard, row_blocks, shards
from shardplan.sharding.kind import SHARDING_TYPES, Columns, ShardingType
from shardplan.sharding.recover import recover
from shardplan.sharding.world import Extent, World


def split(sharding_type, rows=10, dim=16, column_shards=1, world=4, per_node=2, targets=()):
    return shards(sharding_type, rows, dim, column_shards, targets, World(world, per_node))


@pytest.mark.parametrize(
    ("rows", "n", "heights"),
    [
        (5, 4, [2, 2, 1, 0]),
        (10, 4, [3, 3, 3, 1]),
        (100, 8, [13] * 7 + [9]),
        (110, 8, [14] * 7 + [12]),
        (120, 8, [15] * 8),
        (130, 8, [17] * 7 + [11]),
    ],
)
def test_row_blocks_are_those_of_torchrec(rows, n, heights):
    assert [height for _, height in row_blocks(rows, n)] == heights


def test_table_wise_is_one_shard():
    assert split(ShardingType.TABLE_WISE, targets=[3]) == (Shard(3, 0, 0, 10, 16),)


def test_column_wise_pairs_column_shards_with_devices_by_index():
    """A device may hold two shards of a table."""
    assert split(ShardingType.COLUMN_WISE, dim=12, column_shards=3, targets=[2, 0, 2]) == (
        Shard(2, 0, 0, 10, 4),
        Shard(0, 0, 4, 10, 4),
        Shard(2, 0, 8, 10, 4),
    )


def test_row_wise_puts_block_k_on_rank_k():
    assert split(ShardingType.ROW_WISE) == (
        Shard(0, 0, 0, 3, 16),
        Shard(1, 3, 0, 3, 16),
        Shard(2, 6, 0, 3, 16),
        Shard(3, 9, 0, 1, 16),
    )


def test_table_row_wise_uses_the_ranks_of_its_node_in_order():
    assert split(ShardingType.TABLE_ROW_WISE, targets=[1]) == (
        Shard(2, 0, 0, 5, 16),
        Shard(3, 5, 0, 5, 16),
    )


def test_table_column_wise_gives_each_device_of_the_node_neighbouring_columns():
    assert split(ShardingType.TABLE_COLUMN_WISE, column_shards=4, targets=[1]) == (
        Shard(2, 0, 0, 10, 4),
        Shard(2, 0, 4, 10, 4),
        Shard(3, 0, 8, 10, 4),
        Shard(3, 0, 12, 10, 4),
    )


def test_grid_shards_come_column_block_by_column_block():
    assert split(ShardingType.GRID_SHARD, rows=5, column_shards=2, targets=[1, 0]) == (
        Shard(2, 0, 0, 3, 8),
        Shard(3, 3, 0, 2, 8),
        Shard(0, 0, 8, 3, 8),
        Shard(1, 3, 8, 2, 8),
    )


def test_data_parallel_has_no_shards():
    assert split(ShardingType.DATA_PARALLEL) == ()


@st.composite
def cuts(draw):
    """Arguments of ``shards`` for any type that divides a table, on up to 3 nodes of 3 devices."""
    kind = draw(st.sampled_from([kind for kind in SHARDING_TYPES if not kind.is_replicated]))
    nodes, per_node = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    ranks = {Extent.DEVICE: 1, Extent.NODE: per_node, Extent.WORLD: nodes * per_node}[kind.lands]
    units = draw(st.integers(1, 3)) if kind.columns is Columns.UNITS else 1
    blocks = ranks * draw(st.integers(1, 3)) if kind.columns is Columns.DEALT else units
    targets = 0 if kind.lands is Extent.WORLD else units
    places = st.integers(0, nodes * per_node // ranks - 1)
    chosen = st.lists(places, min_size=targets, max_size=targets)
    rows = draw(st.integers(1, 20))
    world = World(nodes * per_node, per_node)
    return kind, rows, 4 * blocks, blocks, draw(chosen), world


@given(cuts())
def test_every_cell_of_a_table_lies_in_exactly_one_shard(cut):
    _, rows, dim, *_ = cut
    cells = [
        (row, column)
        for s in shards(*cut)
        for row in range(s.row_offset, s.row_offset + s.rows)
        for column in range(s.column_offset, s.column_offset + s.columns)
    ]
    assert sorted(cells) == [(row, column) for row in range(rows) for column in range(dim)]


@given(cuts())
def test_what_was_decided_is_recovered_from_the_shards(cut):
    kind, rows, dim, column_shards, targets, world = cut
    found = shards(*cut)
    assert recover(kind, rows, dim, found, world) == (column_shards, tuple(targets), ())


@given(rows=st.integers(1, 10**9), n=st.integers(1, 64), data=st.data())
def test_the_runtimes_bucket_of_an_id_is_the_block_that_holds_it(rows, n, data):
    row = data.draw(st.integers(0, rows - 1))
    offset, height = row_blocks(rows, n)[row // -(-rows // n)]
    assert offset <= row < offset + height


@pytest.mark.parametrize(
    ("sharding_type", "column_shards", "targets"),
    [
        (ShardingType.TABLE_WISE, 1, []),
        (ShardingType.ROW_WISE, 1, [0]),
        (ShardingType.GRID_SHARD, 2, [0]),
        (ShardingType.COLUMN_WISE, 3, [0, 1, 2]),
        (ShardingType.TABLE_COLUMN_WISE, 1, [0]),
    ],
)
def test_a_cut_that_does_not_come_out_even_is_refused(sharding_type, column_shards, targets):
    with pytest.raises(ValueError, match=sharding_type.name):
        split(sharding_type, column_shards=column_shards, targets=targets)
