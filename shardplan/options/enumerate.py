"""Every way that the runtime and the spec allow to shard each table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.load_factors import CACHE_SIZES, LOAD_FACTORS
from shardplan.options.option_set import OptionSet
from shardplan.sharding.geometry import COLUMN_MULTIPLE, column_width_is_legal
from shardplan.sharding.kernel import KERNELS, MemoryTier
from shardplan.sharding.kind import SHARDING_TYPES, Columns
from shardplan.sharding.world import Extent
from shardplan.workload.training import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.options.constraint import Constraint
    from shardplan.options.offer import Offer
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World
    from shardplan.workload.workload import Workload

_LEAST_CACHED_ROWS = 32
"""FBGEMM's caches are sets of this many rows."""


@dataclass(frozen=True, slots=True)
class _Policy:
    """What one table may use; hashable, since most tables share a policy."""

    sharding: frozenset[ShardingType]
    kernels: frozenset[Kernel] | None
    """None: those that are offered unasked."""
    asked: frozenset[ShardingType]
    whole_world: bool


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
    policies = _policies(workload, world, constraints)
    rows = np.array([table.rows for table in workload.tables])
    dims = np.array([table.dim for table in workload.tables])

    groups: dict[tuple[int, _Policy, frozenset[Kernel]], list[int]] = {}
    for index, policy in enumerate(policies):
        kernels = _kernels(policy, offer, int(rows[index]))
        groups.setdefault((int(dims[index]), policy, kernels), []).append(index)

    blocks = [np.zeros((0, 4), dtype=np.int64)]
    for (dim, policy, kernels), members in groups.items():
        ways = np.array(list(_ways(dim, policy, kernels, world)), dtype=np.int64).reshape(-1, 3)
        table = np.repeat(np.array(members), len(ways))
        blocks.append(np.column_stack([table, np.tile(ways, (len(members), 1))]))
    found = np.concatenate(blocks)
    found = found[_rows_suffice(rows[found[:, 0]], found[:, 1], world)]
    found = found[np.lexsort((found[:, 2], found[:, 3], found[:, 1], found[:, 0]))]
    return _with_shares(found)


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
    policies = _policies(workload, world, constraints)
    fewest: dict[tuple[int, _Policy, ShardingType], int | None] = {}
    for position, (table, kind, column_shards) in enumerate(cuts):
        dim, policy = workload.tables[table].dim, policies[table]
        key = dim, policy, kind
        if key not in fewest:
            fewest[key] = min(_column_shards(dim, kind, policy, world), default=None)
        least = fewest[key]
        if kind in policy.sharding and (least is None or column_shards < least):
            yield position


def _with_shares(ways: NDArray[np.int64]) -> OptionSet:
    """Each way (table, sharding code, kernel code, column shards) with all sizes of its caches."""
    shares = [_shares(kernel) for kernel in KERNELS]
    counts = np.array([len(each) for each in shares])
    sizes = np.array([share for each in shares for share in each])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    each = counts[ways[:, 2]]
    position = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    hbm_share, ddr_share = sizes[np.repeat(first[ways[:, 2]], each) + position].T
    table, sharding, kernel, column_shards = np.repeat(ways, each, axis=0).T
    return OptionSet(
        table.astype(np.int32),
        sharding.astype(np.int8),
        kernel.astype(np.int8),
        column_shards.astype(np.int32),
        hbm_share,
        ddr_share,
    )


def _shares(kernel: Kernel) -> tuple[tuple[float, float], ...]:
    """The shares of rows in HBM, and in DDR above SSD, that a kernel is offered with."""
    if MemoryTier.DDR in kernel.caches_in:
        return CACHE_SIZES
    if kernel.caches:
        return tuple((hbm, 0.0) for hbm in LOAD_FACTORS)
    return ((1.0 if kernel.rows_in is MemoryTier.HBM else 0.0, 0.0),)


def _policies(workload: Workload, world: World, constraints: Sequence[Constraint]) -> list[_Policy]:
    training = workload.training
    # Row-wise Adagrad keeps one sum per row and shard: cut columns would each adapt alone.
    is_exact = training.exact_updates and training.optimizer is Optimizer.ROWWISE_ADAGRAD
    sharding = frozenset(kind for kind in SHARDING_TYPES if not (is_exact and kind.cuts_columns))
    free = _Policy(sharding, None, frozenset(), whole_world=True)
    policies = [free] * len(workload.tables)
    for constraint in constraints:
        narrowed: dict[_Policy, _Policy] = {}
        for table in constraint.tables:
            policy = policies[table]
            if policy not in narrowed:
                narrowed[policy] = _narrowed(policy, constraint, world)
            policies[table] = narrowed[policy]
    return policies


def _narrowed(policy: _Policy, constraint: Constraint, world: World) -> _Policy:
    sharding, kernels, asked = policy.sharding, policy.kernels, policy.asked
    if constraint.sharding is not None:
        sharding &= frozenset(constraint.sharding)
        asked |= frozenset(constraint.sharding)
    if constraint.kernels is not None:
        named = frozenset(constraint.kernels)
        kernels = named if kernels is None else kernels & named
    whole_world = (
        policy.whole_world
        and (constraint.ranks is None or len(set(constraint.ranks)) == world.size)
        and not (constraint.apart and len(constraint.tables) > 1)
    )
    return _Policy(sharding, kernels, asked, whole_world)


def _kernels(policy: _Policy, offer: Offer, rows: int) -> frozenset[Kernel]:
    """What a table of that many rows may use; too small to be cached only where that is asked
    for."""
    if policy.kernels is not None:
        return policy.kernels & offer.kernels
    is_small = rows * LOAD_FACTORS[0] < _LEAST_CACHED_ROWS
    return frozenset(kernel for kernel in offer.unasked if not (is_small and kernel.caches))


def _ways(
    dim: int, policy: _Policy, kernels: frozenset[Kernel], world: World
) -> Iterator[tuple[int, int, int]]:
    """(sharding code, kernel code, column shards) of every way that ``policy`` allows."""
    for code, sharding in enumerate(SHARDING_TYPES):
        if sharding not in policy.sharding:
            continue
        cuts = _column_shards(dim, sharding, policy, world)
        for kernel_code, kernel in enumerate(KERNELS):
            if kernel not in kernels or not kernel.runs(sharding):
                continue
            for column_shards in cuts:
                if not (kernel.is_on_ssd and _may_meet(sharding, column_shards, world)):
                    yield code, kernel_code, column_shards


def _column_shards(
    dim: int, sharding: ShardingType, policy: _Policy, world: World
) -> Sequence[int]:
    """Into how many columns' blocks a table may be cut under a sharding type; empty for none.

    What lands on nodes repeats on a single node what lands on devices or everywhere, and so does
    on a single device what lands everywhere: it is offered there only when asked for.
    """
    asked = sharding in policy.asked
    if sharding.lands is Extent.NODE and world.nodes == 1 and not asked:
        return ()
    everywhere = sharding.lands is Extent.WORLD
    if everywhere and not (policy.whole_world and (world.size > 1 or asked)):
        return ()
    match sharding.columns:
        case Columns.WHOLE:
            return (1,)
        case Columns.UNITS:
            return _cuts_up_to(world.count_of(sharding.lands), dim, asked)
        case Columns.DEALT:
            return [c for c in _legal_cuts(dim) if c % sharding.dealt_over(world) == 0][:1]


def _may_meet(sharding: ShardingType, column_shards: int, world: World) -> bool:
    """Whether one device may hold two shards of a table."""
    dealt_over = sharding.dealt_over(world)
    return column_shards > dealt_over if dealt_over else sharding.has_many_units


def _cuts_up_to(places: int, dim: int, asked: bool) -> Sequence[int]:
    """The cuts with a place for each shard; if there is none, the coarsest, where asked for."""
    cuts = _legal_cuts(dim)
    return [cut for cut in cuts if cut <= places] or (cuts[:1] if asked else ())


@cache
def _legal_cuts(dim: int) -> tuple[int, ...]:
    """The numbers of equal column shards, two or more, whose width the kernels accept."""
    return tuple(
        cut
        for cut in range(2, dim // COLUMN_MULTIPLE + 1)
        if dim % cut == 0 and column_width_is_legal(dim // cut)
    )


def _rows_suffice(
    rows: NDArray[np.int64], sharding: NDArray[np.int64], world: World
) -> NDArray[np.bool_]:
    """Whether no row shard would be empty, which crashes TorchRec's row-wise kernels."""
    row_shards = SHARDING_TYPES.each(lambda kind: world.devices_of(kind.rows), sharding)
    block = -(-rows // row_shards)
    keep: NDArray[np.bool_] = rows > (row_shards - 1) * block
    return keep
