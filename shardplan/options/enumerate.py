"""Every way that the runtime and the spec allow to shard each table."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options import limits
from shardplan.options.dynamic_shares import PooledShares
from shardplan.options.grading import COMPLETE, GRADINGS, Grading
from shardplan.options.hot_rows import with_hot_rows
from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.options.option_set import OptionSet
from shardplan.options.policy import policies
from shardplan.sharding.geometry import COLUMN_MULTIPLE
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES, Columns
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.options.constraint import Constraint
    from shardplan.options.offer import Offer
    from shardplan.options.policy import Policy
    from shardplan.sharding.device_kind import DeviceKind
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.table import Table
    from shardplan.workload.training import Training
    from shardplan.workload.workload import Workload


def enumerate_options(
    workload: Workload, world: World, constraints: Sequence[Constraint], offer: Offer
) -> OptionSet:
    """All options of all tables, in the order of tables; a table may end up with none.

    Obeyed are TorchRec's rules for what runs (column widths a multiple of 4, no empty row shard,
    ``dense`` only and always for data-parallel, row-wise over all ranks, table-row-wise and grid
    within nodes, no two shards of a ``key_value`` table on a device) and the constraints that speak
    of one table alone. Which ranks a shard may land on is left to the placement. Options that
    differ in the sizes of caches only stand next to each other.
    """
    return graded_options(workload, world, constraints, offer, float("inf"))[0]


def graded_options(
    workload: Workload,
    world: World,
    constraints: Sequence[Constraint],
    offer: Offer,
    most_options: float,
) -> tuple[OptionSet, Grading]:
    """The same, of the finest grading that leaves no more options; 100,000 tables in scarce memory
    have tens of millions. The coarsest is taken where all leave more."""
    rows = np.array([table.rows for table in workload.tables])
    groups: dict[tuple[int, Policy, Dtype, bool, bool], list[int]] = {}
    of_table = policies(workload, world, constraints)
    for index, policy in enumerate(of_table):
        table = workload.tables[index]
        kind = table.dim, policy, table.dtype, is_small(table), table.dynamic is None
        groups.setdefault(kind, []).append(index)
    alike = [
        (dim, policy, kernels_for(workload.tables[members[0]], policy, offer, workload.training))
        for (dim, policy, *_), members in groups.items()
    ]
    pinned = [policy.load_factors[0] if policy.load_factors else None for _, policy, _ in alike]
    for grading in GRADINGS:
        sizes = np.array([len(grading.shares(kernel)) for kernel in KERNELS])
        ways = [
            np.array(list(ways_of(*kind, world, grading)), dtype=np.int64).reshape(-1, 3)
            for kind in alike
        ]
        counts = zip(ways, groups.values(), strict=True)
        if sum(int(sizes[way[:, 1]].sum()) * len(own) for way, own in counts) <= most_options:
            break
    blocks = [np.zeros((0, 4), dtype=np.int64)]
    pin_of_table: list[float | None] = [None] * len(workload.tables)
    for way, members, pin in zip(ways, groups.values(), pinned, strict=True):
        tables = np.repeat(np.array(members), len(way))
        blocks.append(np.column_stack([tables, np.tile(way, (len(members), 1))]))
        for member in members if pin is not None else ():
            pin_of_table[member] = pin
    found = np.concatenate(blocks)
    dealt = np.array([table.dynamic is not None for table in workload.tables])
    suffice = _rows_suffice(rows[found[:, 0]], found[:, 1], world)
    found = found[suffice | dealt[found[:, 0]]]
    found = found[np.lexsort((found[:, 2], found[:, 3], found[:, 1], found[:, 0]))]
    shared = _with_shares(found, grading, pin_of_table)
    shared = _with_widths(shared, [policy.column_blocks for policy in of_table])
    shared = with_hot_rows(shared, workload, of_table, offer)
    options = _counted(shared, rows, workload.training, world)
    return PooledShares.of(workload, world).applied(options), grading


def _counted(
    options: OptionSet, rows: NDArray[np.int64], training: Training, world: World
) -> OptionSet:
    """The options whose caches hold no more rows than FBGEMM can count."""
    most = np.array(
        [
            limits.most_cached_rows(kernel, training.cache_algorithm, world.devices) or np.inf
            for kernel in KERNELS
        ]
    )[options.kernel]
    cached = options.hbm_share * -(-rows[options.table] // options.row_shards(world))
    return options if (cached <= most).all() else options.take(cached <= most)


def not_offered(
    workload: Workload,
    world: World,
    constraints: Sequence[Constraint],
    cuts: Sequence[tuple[int, ShardingType, int]],
) -> Iterator[int]:
    """Positions of those (table, type, column shards) whose type is none of the table's options.

    Shards alone do not tell the type: what a type makes on one node, or of one column shard, may
    be what another one makes too, and is then offered under a single name unless asked for. Types
    that a constraint forbids are not looked at.
    """
    of_table = policies(workload, world, constraints)
    fewest: dict[tuple[int, Policy, ShardingType], int | None] = {}
    for position, (table, kind, cut) in enumerate(cuts):
        dim, policy = workload.tables[table].dim, of_table[table]
        key = dim, policy, kind
        if key not in fewest:
            fewest[key] = min(column_shards(dim, kind, policy, world), default=None)
        least = fewest[key]
        if kind in policy.sharding and (least is None or cut < least):
            yield position


def _with_shares(
    ways: NDArray[np.int64], grading: Grading, pinned: Sequence[float | None]
) -> OptionSet:
    """Each way (table, sharding code, kernel code, column shards) with all sizes of its caches;
    of tables whose caches are ``pinned`` (T,) these."""
    pins = list(dict.fromkeys([None, *pinned]))
    shares = [grading.shares(kernel, pin) for pin in pins for kernel in KERNELS]
    counts = np.array([len(each) for each in shares])
    sizes = np.array([share for each in shares for share in each])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    of_table = np.array([pins.index(pin) for pin in pinned], dtype=np.int64)
    row = of_table[ways[:, 0]] * len(tuple(KERNELS)) + ways[:, 2]
    each = counts[row]
    position = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    hbm_share, ddr_share = sizes[np.repeat(first[row], each) + position].T
    table, sharding, kernel, column_shards = np.repeat(ways, each, axis=0).T
    plain = OptionSet.uncached(
        table.astype(np.int32),
        sharding.astype(np.int8),
        kernel.astype(np.int8),
        column_shards.astype(np.int32),
    )
    return replace(plain, hbm_share=hbm_share, ddr_share=ddr_share)


def _with_widths(options: OptionSet, blocks: Sequence[tuple[int, ...]]) -> OptionSet:
    """Options of tables whose columns are cut as ``blocks`` (T,) says; of others as they are."""
    widest = np.array([max(each, default=0) for each in blocks], dtype=np.int32)
    if not widest.any():
        return options
    cut = options.has_type(lambda kind: kind.cuts_columns)
    return replace(options, widest=np.where(cut, widest[options.table], 0).astype(np.int32))


def is_small(table: Table) -> bool:
    """Whether a table is too small for a cache."""
    return table.rows * LOAD_FACTORS[0] < limits.CACHE_SET_ROWS


def kernels_for(
    table: Table, policy: Policy, offer: Offer, training: Training
) -> frozenset[Kernel]:
    """What a table may use; one too small to be cached only where that is asked for."""
    if policy.kernels is not None:
        is_dynamic = table.dynamic is not None
        named = policy.kernels & offer.kernels
        open_to = frozenset(kernel for kernel in named if kernel.is_dynamic == is_dynamic)
    elif policy.load_factors:
        open_to = frozenset(kernel for kernel in offer.kernels if not kernel.is_dynamic)
    else:
        is_uncached = is_small(table)
        open_to = frozenset(k for k in offer.unasked if not (is_uncached and k.caches))
    if policy.pins:
        open_to = frozenset(kernel for kernel in open_to if policy.allows_kernel(kernel))
    if not any(kernel.is_on_ssd for kernel in open_to):
        return open_to
    return frozenset(k for k in open_to if not limits.ssd_fault(k, table.dtype, training.optimizer))


def ways_of(
    dim: int,
    policy: Policy,
    kernels: frozenset[Kernel],
    world: World,
    grading: Grading = COMPLETE,
) -> Iterator[tuple[int, int, int]]:
    """(sharding code, kernel code, column shards) of every way that ``policy`` allows."""
    for code, sharding in enumerate(SHARDING_TYPES):
        if sharding not in policy.sharding:
            continue
        cuts = grading.cuts(column_shards(dim, sharding, policy, world))
        for kernel_code, kernel in enumerate(KERNELS):
            if kernel not in kernels or limits.kernel_fault(sharding, kernel):
                continue
            for cut in cuts:
                if not (kernel.is_on_ssd and limits.may_share(sharding, cut, world)):
                    yield code, kernel_code, cut


def is_repetition(sharding: ShardingType, world: World) -> bool:
    """Whether another type does the same on so small a cluster.

    What lands on nodes repeats on a single node what lands on devices or everywhere, and so does
    on a single device what lands everywhere: it is offered there only when asked for.
    """
    if sharding.lands is Extent.NODE:
        return world.nodes == 1
    return sharding.lands is Extent.WORLD and world.size == 1


def column_shards(dim: int, sharding: ShardingType, policy: Policy, world: World) -> Sequence[int]:
    """Into how many columns' blocks a table may be cut under a sharding type; empty for none."""
    asked = sharding in policy.asked
    if is_repetition(sharding, world) and not asked:
        return ()
    if not policy.reaches(sharding.held_by, world):
        return ()
    if policy.is_apart and sharding.held_by is Extent.WORLD:
        return ()
    if policy.column_blocks and sharding.cuts_columns:
        return pinned_cut(dim, policy.column_blocks, world) if policy.allows_blocks else ()
    cuts = cuts_of(dim, sharding, world, asked, counted=policy.counts_columns)
    if not sharding.cuts_columns:
        return cuts
    return [cut for cut in cuts if policy.allows_cut(dim // cut, cut)]


def pinned_cut(dim: int, blocks: Sequence[int], world: World) -> Sequence[int]:
    """How many column shards blocks of these widths are; none where they cannot be."""
    fault = limits.column_blocks_fault(dim, blocks, world.devices)
    return () if fault else (len(blocks),)


def cuts_of(
    dim: int, sharding: ShardingType, world: World, asked: bool, *, counted: bool = False
) -> Sequence[int]:
    """The numbers of column shards of a sharding type whose width the kernels accept.

    Those that are worth while; all, where one of them is ``counted`` out by the spec.
    """
    match sharding.columns:
        case Columns.WHOLE:
            return () if limits.column_width_fault(dim, world.devices) else (1,)
        case Columns.UNITS:
            places = dim if counted else world.count_of(sharding.lands)
            return _cuts_up_to(places, dim, asked, world.devices)
        case Columns.DEALT:
            dealt_over = sharding.dealt_over(world)
            cuts = [c for c in _legal_cuts(dim, world.devices) if c % dealt_over == 0]
            return cuts if counted else cuts[:1]


def _cuts_up_to(places: int, dim: int, asked: bool, devices: DeviceKind) -> Sequence[int]:
    """The cuts with a place for each shard; if there is none, the coarsest, where it is asked for
    or the table is too wide to be left whole."""
    cuts = _legal_cuts(dim, devices)
    needed = asked or bool(limits.column_width_fault(dim, devices))
    return [cut for cut in cuts if cut <= places] or (cuts[:1] if needed else ())


@cache
def _legal_cuts(dim: int, devices: DeviceKind) -> tuple[int, ...]:
    """The numbers of equal column shards, two or more, whose width the kernels accept."""
    return tuple(
        cut
        for cut in range(2, dim // COLUMN_MULTIPLE + 1)
        if dim % cut == 0 and not limits.column_width_fault(dim // cut, devices)
    )


def _rows_suffice(
    rows: NDArray[np.int64], sharding: NDArray[np.int64], world: World
) -> NDArray[np.bool_]:
    """Whether no row shard would be empty, which crashes TorchRec's row-wise kernels."""
    row_shards = SHARDING_TYPES.each(lambda kind: world.devices_of(kind.rows), sharding)
    block = -(-rows // row_shards)
    keep: NDArray[np.bool_] = rows > (row_shards - 1) * block
    return keep
