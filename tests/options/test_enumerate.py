"""The options of a table against an enumerator that tries everything and asks rule by rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.options.constraint import Constraint
from shardplan.options.enumerate import enumerate_options
from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.options.offer import Offer, make_offer
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, Columns, ShardingType
from shardplan.sharding.world import Extent, World
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

IN_HBM = Offer(frozenset({Kernel.DENSE, Kernel.FUSED}))
IN_DDR = Offer(IN_HBM.kernels | {Kernel.FUSED_UVM})
CACHED_DDR = Offer(frozenset(set(KERNELS) - {Kernel.KEY_VALUE}))
SIZES = {Kernel.FUSED_UVM_CACHING: 10, Kernel.KEY_VALUE: 55}
"""Options of a way that differ in their caches only: of ten sizes, or pairs of them."""

Way = tuple[ShardingType, Kernel, int]


def workload_of(*sizes: tuple[int, int], **training) -> Workload:
    """Tables of (rows, dim), whose columns may be cut, unless ``training`` says otherwise."""
    tables = tuple(
        Table(f"t{i}", "m", rows, dim, Dtype.FP32, (f"f{i}",), (1.0,), Uniform())
        for i, (rows, dim) in enumerate(sizes)
    )
    return Workload("test", tables, 64, Training(**{"exact_updates": False, **training}))


def ways(workload: Workload, cluster: World, constraints=(), offer=None) -> list[list[Way]]:
    """What the enumerator found for each table, in its order."""
    options = enumerate_options(workload, cluster, constraints, offer or IN_DDR)
    found: list[list[Way]] = [[] for _ in workload.tables]
    for row, table in enumerate(options.table.tolist()):
        found[table].append(
            (
                options.sharding_type(row),
                options.compute_kernel(row),
                int(options.column_shards[row]),
            )
        )
    return found


@dataclass(frozen=True)
class Rules:
    """The runtime's rules and one constraint, for one table."""

    table: Table
    cluster: World
    demand: Constraint
    offer: Offer
    optimizer: Optimizer
    exact: bool

    def allow(self, kind: ShardingType, kernel: Kernel, cut: int) -> bool:
        """Whether the table may be cut into ``cut`` blocks of columns and placed so."""
        return (
            self._constraint_allows(kind, kernel)
            and (kernel is Kernel.DENSE) == kind.is_replicated
            and self._is_offered(kernel)
            and (kernel is not Kernel.KEY_VALUE or not self._shards_may_meet(kind, cut))
            and self._columns_may_be_cut(kind, cut)
            and all(self._row_blocks(kind))
            and self._is_worth_telling_apart(kind)
        )

    def _is_offered(self, kernel: Kernel) -> bool:
        named = self.demand.kernels is not None
        worth_a_cache = kernel not in SIZES or self.table.rows >= 16_384
        unasked = kernel not in self.offer.on_request and worth_a_cache
        trains = kernel is not Kernel.KEY_VALUE or self.optimizer is Optimizer.ROWWISE_ADAGRAD
        is_open = kernel in self.offer.kernels and not kernel.is_dynamic
        return is_open and (named or unasked) and trains

    def _shards_may_meet(self, kind: ShardingType, cut: int) -> bool:
        """TorchRec cannot hold two shards of a table on SSD on one device."""
        is_one_each = kind.columns is Columns.DEALT and cut == self._devices(kind.lands)
        return kind.columns is not Columns.WHOLE and not is_one_each

    def _devices(self, extent: Extent) -> int:
        each = {Extent.NODE: self.cluster.devices_per_node, Extent.WORLD: self.cluster.size}
        return each.get(extent, 1)

    def _constraint_allows(self, kind: ShardingType, kernel: Kernel) -> bool:
        if self.demand.sharding is not None and kind not in self.demand.sharding:
            return False
        if self.demand.kernels is not None and kernel not in self.demand.kernels:
            return False
        is_cut = kind.columns is not Columns.WHOLE
        if self.exact and self.optimizer is Optimizer.ROWWISE_ADAGRAD and is_cut:
            return False
        is_everywhere = kind.lands is Extent.WORLD
        return self._has_a_place(kind) and not (is_everywhere and self.demand.apart)

    def _has_a_place(self, kind: ShardingType) -> bool:
        """All ranks, or all of some node, where the type takes as many."""
        size, each = self.cluster.size, self.cluster.devices_per_node
        ranks = set(range(size) if self.demand.ranks is None else self.demand.ranks)
        if kind.lands is Extent.WORLD:
            return len(ranks) == size
        nodes = [set(range(first, first + each)) for first in range(0, size, each)]
        return kind.lands is Extent.DEVICE or any(node <= ranks for node in nodes)

    def _columns_may_be_cut(self, kind: ShardingType, cut: int) -> bool:
        if kind.columns is Columns.WHOLE:
            return cut == 1 and self.table.dim % 4 == 0 and self.table.dim <= 2048
        if not self._is_even(cut):
            return False
        each = self._devices(kind.lands)
        if kind.columns is Columns.UNITS:
            places = self.cluster.size // each
            coarsest = min(filter(self._is_even, range(2, self.table.dim + 1)), default=0)
            is_needed = self._asks_for(kind) or self.table.dim > 2048
            return cut <= places or (cut == coarsest and is_needed)
        return cut == min(filter(self._is_even, range(each, self.table.dim + 1, each)), default=0)

    def _is_even(self, cut: int) -> bool:
        """Two or more equal parts, which FBGEMM's kernels can read."""
        width = self.table.dim // cut
        return cut >= 2 and self.table.dim % cut == 0 and width % 4 == 0 and width <= 2048

    def _asks_for(self, kind: ShardingType) -> bool:
        return self.demand.sharding is not None and kind in self.demand.sharding

    def _row_blocks(self, kind: ShardingType) -> list[int]:
        """The rows of each shard by ceil division; TorchRec crashes on a shard without any."""
        parts = self._devices(kind.rows)
        block, left, blocks = -(-self.table.rows // parts), self.table.rows, []
        for _ in range(parts):
            blocks.append(min(block, left))
            left -= blocks[-1]
        return blocks

    def _is_worth_telling_apart(self, kind: ShardingType) -> bool:
        several = {Extent.NODE: self.cluster.nodes > 1, Extent.WORLD: self.cluster.size > 1}
        return self._asks_for(kind) or several.get(kind.lands, True)


CLUSTERS = st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 3, 4, 8])).map(
    lambda drawn: World(drawn[0] * drawn[1], drawn[1])
)
OFFERS = st.builds(
    lambda kernels, on_request: Offer(kernels, kernels & on_request),
    st.sampled_from([IN_HBM.kernels, IN_DDR.kernels, CACHED_DDR.kernels, frozenset(KERNELS)]),
    st.sampled_from([frozenset(), frozenset({Kernel.KEY_VALUE}), frozenset(SIZES)]),
)


@st.composite
def demands(draw: st.DrawFn, world_size: int) -> Constraint:
    kinds = st.lists(st.sampled_from(list(SHARDING_TYPES)), min_size=1, unique=True).map(tuple)
    kernels = st.lists(st.sampled_from(list(KERNELS)), min_size=1, unique=True).map(tuple)
    ranks = st.lists(st.integers(0, world_size - 1), min_size=1, unique=True)
    return Constraint(
        (0, 1),
        sharding=draw(st.none() | kinds),
        kernels=draw(st.none() | kernels),
        apart=draw(st.booleans()),
        ranks=draw(st.none() | ranks.map(lambda drawn: tuple(sorted(drawn)))),
    )


@given(
    st.data(),
    CLUSTERS,
    OFFERS,
    st.lists(
        st.sampled_from([4, 8, 12, 16, 20, 24, 48, 64, 96, 130, 2052, 4096]), min_size=2, max_size=3
    ),
    st.booleans(),
    st.sampled_from([Optimizer.SGD, Optimizer.ROWWISE_ADAGRAD]),
)
def test_options_are_those_that_every_rule_allows(data, cluster, offer, dims, exact, optimizer):
    """Tables 0 and 1 are constrained, a third one is free."""
    rows = [data.draw(st.sampled_from([1, 2, 3, 5, 9, 10, 1000, 16_383, 16_384])) for _ in dims]
    workload = workload_of(*zip(rows, dims, strict=True), exact_updates=exact, optimizer=optimizer)
    demand = data.draw(demands(cluster.size))
    found = ways(workload, cluster, [demand], offer)
    for index, table in enumerate(workload.tables):
        rules = Rules(
            table,
            cluster,
            demand if index < 2 else Constraint((index,)),
            offer,
            optimizer,
            exact,
        )
        expected = {
            (kind, kernel, cut): SIZES.get(kernel, 1)
            for kind in SHARDING_TYPES
            if kind.is_torchrecs
            for kernel in KERNELS
            for cut in range(1, table.dim // 4 + 1)
            if rules.allow(kind, kernel, cut)
        }
        assert Counter(found[index]) == expected


def test_all_constraints_on_a_table_hold_at_once():
    constraints = [
        Constraint((0,), sharding=(ShardingType.TABLE_WISE, ShardingType.ROW_WISE)),
        Constraint((0,), kernels=(Kernel.FUSED_UVM,)),
        Constraint((0,), ranks=(0, 1)),
    ]
    (found,) = ways(workload_of((1000, 64)), World(4, 2), constraints)
    assert found == [(ShardingType.TABLE_WISE, Kernel.FUSED_UVM, 1)]


def test_a_table_of_odd_width_is_not_cut_by_columns():
    """132 columns have no two equal parts of a multiple of four but three, eleven and 33."""
    (found,) = ways(workload_of((1000, 132)), World(2, 2), (), IN_HBM)
    assert {kind for kind, _, _ in found} == {
        kind
        for kind in SHARDING_TYPES
        if kind.columns is Columns.WHOLE and kind.lands is not Extent.NODE and kind.is_torchrecs
    }


@pytest.mark.parametrize(("rows", "devices", "legal"), [(9, 4, False), (8, 4, True), (10, 4, True)])
def test_no_row_shard_is_empty(rows, devices, legal):
    """9 rows on 4 devices are 3, 3, 3, 0; 10 are 3, 3, 3, 1."""
    (found,) = ways(workload_of((rows, 4)), World(devices, devices), (), IN_HBM)
    assert (ShardingType.ROW_WISE in {kind for kind, _, _ in found}) == legal


def test_options_come_in_the_order_of_tables():
    options = enumerate_options(
        workload_of((9, 4), (1000, 64), (50, 16), (9, 4)), World(4, 2), (), IN_DDR
    )
    assert options.table.tolist() == sorted(options.table.tolist())


def test_caches_are_offered_in_all_sizes_side_by_side():
    """With SSD, every share in HBM and every larger share in HBM and DDR together."""
    only = [Constraint((0,), sharding=(ShardingType.TABLE_WISE,))]
    offer = Offer(frozenset(KERNELS))
    options = enumerate_options(workload_of((20_000, 64)), World(4, 2), only, offer)
    pairs = list(zip(options.hbm_share.tolist(), options.ddr_share.tolist(), strict=True))
    found = {kernel: [pair for pair, code in zip(pairs, options.kernel.tolist(), strict=True)
                      if KERNELS[code] is kernel]
             for kernel in KERNELS}  # fmt: skip
    assert found[Kernel.FUSED] == [(1.0, 0.0)]
    assert found[Kernel.FUSED_UVM] == [(0.0, 0.0)]
    assert found[Kernel.FUSED_UVM_CACHING] == [(share, 0.0) for share in LOAD_FACTORS]
    sums = [(hbm, round(hbm + ddr, 12)) for hbm, ddr in found[Kernel.KEY_VALUE]]
    assert sums == [(h, s) for h in LOAD_FACTORS for s in LOAD_FACTORS if s >= h]
    assert options.blends().tolist() == [0, 1, *[2] * 10, *[3] * 55]


def test_options_of_one_blend_differ_in_the_sizes_of_caches_only():
    workload = workload_of((20_000, 64), (50_000, 32))
    options = enumerate_options(workload, World(4, 2), (), Offer(frozenset(KERNELS)))
    ways_of: dict[int, set[tuple[int, ...]]] = {}
    columns = (options.table, options.sharding, options.kernel, options.column_shards)
    for blend, *way in zip(options.blends().tolist(), *(c.tolist() for c in columns), strict=True):
        ways_of.setdefault(blend, set()).add(tuple(way))
    assert all(len(found) == 1 for found in ways_of.values())
    assert len({way for found in ways_of.values() for way in found}) == len(ways_of)


@pytest.mark.parametrize(
    ("table_bytes", "unasked"),
    [
        (50, {Kernel.FUSED_UVM}),
        (51, {Kernel.FUSED_UVM, Kernel.FUSED_UVM_CACHING}),
        (300, {Kernel.FUSED_UVM, Kernel.FUSED_UVM_CACHING}),
        (301, {Kernel.FUSED_UVM, Kernel.FUSED_UVM_CACHING, Kernel.KEY_VALUE}),
    ],
)
def test_caches_are_offered_unasked_where_tables_fill_half_of_a_tier(table_bytes, unasked):
    """100 bytes of HBM, 500 of DDR, and SSD."""
    free = (100.0, 500.0, 9.0)
    offer = make_offer(frozenset(KERNELS), Optimizer.ADAM, free, table_bytes)
    assert offer.unasked == {Kernel.DENSE, Kernel.FUSED} | unasked
    assert offer.kernels == set(KERNELS)


def test_kernels_need_their_tiers_and_what_runs_there():
    """No DDR, no host memory to cache; FBGEMM trains tables on SSD with two optimizers only."""
    known = frozenset(kernel for kernel in KERNELS if not kernel.is_dynamic)
    assert make_offer(known, Optimizer.ADAM, (9, 0, 9), 99).kernels == IN_HBM.kernels
    assert make_offer(known, Optimizer.ADAM, (9, 9, 0), 99).kernels == CACHED_DDR.kernels & known
    assert make_offer(known, Optimizer.SGD, (9, 9, 9), 99).kernels == CACHED_DDR.kernels & known
    assert make_offer(IN_HBM.kernels, Optimizer.ADAM, (9, 9, 9), 99).kernels == IN_HBM.kernels
