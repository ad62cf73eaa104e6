"""Every way that the runtime and the spec allow to shard each table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.load_factors import CACHE_SIZES, LOAD_FACTORS
from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import CACHING_KERNELS, KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.workload.training import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.options.constraint import Constraint
    from shardplan.options.offer import Offer
    from shardplan.workload.workload import Workload

_COLUMN_MULTIPLE = 4
"""FBGEMM's kernels read rows in vectors of four elements: shard widths are multiples of 4."""

_ONE_NODE_IS_ENOUGH = frozenset(
    {ShardingType.TABLE_ROW_WISE, ShardingType.TABLE_COLUMN_WISE, ShardingType.GRID_SHARD}
)
"""On a single node these repeat row- and column-wise: offered there only when asked for."""

_LEAST_CACHED_ROWS = 32
"""FBGEMM's caches are sets of so many rows."""

_SHARES: dict[Kernel, tuple[tuple[float, float], ...]] = {
    Kernel.DENSE: ((1.0, 0.0),),
    Kernel.FUSED: ((1.0, 0.0),),
    Kernel.FUSED_UVM: ((0.0, 0.0),),
    Kernel.FUSED_UVM_CACHING: tuple((hbm, 0.0) for hbm in LOAD_FACTORS),
    Kernel.KEY_VALUE: CACHE_SIZES,
}
"""The shares of rows in HBM, and in DDR above SSD, that each kernel is offered with."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The shape of the cluster, as far as it decides how tables may be cut."""

    world_size: int
    devices_per_node: int

    @property
    def nodes(self) -> int:
        """How many nodes."""
        return self.world_size // self.devices_per_node


@dataclass(frozen=True, slots=True)
class _Policy:
    """What one table may use; hashable, since most tables share a policy."""

    sharding: frozenset[ShardingType]
    kernels: frozenset[Kernel] | None
    """None: those that are offered unasked."""
    asked: frozenset[ShardingType]
    whole_world: bool


def enumerate_options(
    workload: Workload, cluster: Cluster, constraints: Sequence[Constraint], offer: Offer
) -> OptionSet:
    """All options of all tables, in the order of tables; a table may end up with none.

    Obeyed are TorchRec's rules for what runs (column widths a multiple of 4, no empty row shard,
    ``dense`` only and always for data-parallel, row-wise over all ranks, table-row-wise and grid
    within nodes, no two shards of a ``key_value`` table on a device) and the constraints that speak
    of one table alone. Which ranks a shard may land on is left to the placement. Options that
    differ in the sizes of caches only stand next to each other.
    """
    policies = _policies(workload, cluster, constraints)
    rows = np.array([table.rows for table in workload.tables])
    dims = np.array([table.dim for table in workload.tables])

    groups: dict[tuple[int, _Policy, frozenset[Kernel]], list[int]] = {}
    for index, policy in enumerate(policies):
        kernels = _kernels(policy, offer, int(rows[index]))
        groups.setdefault((int(dims[index]), policy, kernels), []).append(index)

    blocks = [np.zeros((0, 4), dtype=np.int64)]
    for (dim, policy, kernels), members in groups.items():
        ways = np.array(list(_ways(dim, policy, kernels, cluster)), dtype=np.int64).reshape(-1, 3)
        table = np.repeat(np.array(members), len(ways))
        blocks.append(np.column_stack([table, np.tile(ways, (len(members), 1))]))
    found = np.concatenate(blocks)
    found = found[_rows_suffice(rows[found[:, 0]], found[:, 1], cluster)]
    found = found[np.lexsort((found[:, 2], found[:, 3], found[:, 1], found[:, 0]))]
    return _with_shares(found)


def _with_shares(ways: NDArray[np.int64]) -> OptionSet:
    """Each way (table, sharding code, kernel code, column shards) with all sizes of its caches."""
    counts = np.array([len(_SHARES[kernel]) for kernel in KERNELS])
    sizes = np.array([share for kernel in KERNELS for share in _SHARES[kernel]])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    each = counts[ways[:, 2]]
    position = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    shares = sizes[np.repeat(first[ways[:, 2]], each) + position]
    table, sharding, kernel, column_shards = np.repeat(ways, each, axis=0).T
    return OptionSet(
        table.astype(np.int32),
        sharding.astype(np.int8),
        kernel.astype(np.int8),
        column_shards.astype(np.int32),
        shares[:, 0],
        shares[:, 1],
    )


def _policies(
    workload: Workload, cluster: Cluster, constraints: Sequence[Constraint]
) -> list[_Policy]:
    sharding = set(ShardingType)
    training = workload.training
    if training.exact_updates and training.optimizer is Optimizer.ROWWISE_ADAGRAD:
        # Row-wise Adagrad keeps one sum per row and shard: cut columns would each adapt alone.
        sharding -= {
            ShardingType.COLUMN_WISE,
            ShardingType.TABLE_COLUMN_WISE,
            ShardingType.GRID_SHARD,
        }
    free = _Policy(frozenset(sharding), None, frozenset(), whole_world=True)
    policies = [free] * len(workload.tables)
    for constraint in constraints:
        for table in constraint.tables:
            policies[table] = _narrowed(policies[table], constraint, cluster)
    return policies


def _narrowed(policy: _Policy, constraint: Constraint, cluster: Cluster) -> _Policy:
    sharding, kernels, asked = policy.sharding, policy.kernels, policy.asked
    if constraint.sharding is not None:
        sharding &= frozenset(constraint.sharding)
        asked |= frozenset(constraint.sharding)
    if constraint.kernels is not None:
        named = frozenset(constraint.kernels)
        kernels = named if kernels is None else kernels & named
    whole_world = (
        policy.whole_world
        and (constraint.ranks is None or len(set(constraint.ranks)) == cluster.world_size)
        and not (constraint.apart and len(constraint.tables) > 1)
    )
    return _Policy(sharding, kernels, asked, whole_world)


def _kernels(policy: _Policy, offer: Offer, rows: int) -> frozenset[Kernel]:
    """What a table of so many rows may use; too small to be cached only where that is asked for."""
    if policy.kernels is not None:
        return policy.kernels & offer.kernels
    is_small = rows * LOAD_FACTORS[0] < _LEAST_CACHED_ROWS
    return offer.unasked - (CACHING_KERNELS if is_small else frozenset())


def _ways(
    dim: int, policy: _Policy, kernels: frozenset[Kernel], cluster: Cluster
) -> Iterator[tuple[int, int, int]]:
    """(sharding code, kernel code, column shards) of every way that ``policy`` allows."""
    for sharding in SHARDING_TYPES:
        if sharding not in policy.sharding:
            continue
        dense = sharding is ShardingType.DATA_PARALLEL
        for kernel in sorted(kernels, key=KERNELS.index):
            if (kernel is Kernel.DENSE) != dense:
                continue
            for column_shards in _column_shards(dim, sharding, policy, cluster):
                if kernel is Kernel.KEY_VALUE and _may_meet(sharding, column_shards, cluster):
                    continue
                yield SHARDING_TYPES.index(sharding), KERNELS.index(kernel), column_shards


def _column_shards(
    dim: int, sharding: ShardingType, policy: _Policy, cluster: Cluster
) -> Sequence[int]:
    """Into how many columns' blocks a table may be cut under a sharding type; empty for none."""
    asked = sharding in policy.asked
    if sharding in _ONE_NODE_IS_ENOUGH and cluster.nodes == 1 and not asked:
        return ()
    match sharding:
        case ShardingType.TABLE_WISE:
            return (1,)
        case ShardingType.DATA_PARALLEL:
            return (1,) if policy.whole_world and (cluster.world_size > 1 or asked) else ()
        case ShardingType.ROW_WISE:
            return (1,) if policy.whole_world and (cluster.world_size > 1 or asked) else ()
        case ShardingType.TABLE_ROW_WISE:
            return (1,)
        case ShardingType.COLUMN_WISE:
            return _cuts_up_to(cluster.world_size, dim, asked)
        case ShardingType.TABLE_COLUMN_WISE:
            return [c for c in _legal_cuts(dim) if c % cluster.devices_per_node == 0][:1]
        case ShardingType.GRID_SHARD:
            return _cuts_up_to(cluster.nodes, dim, asked)


def _may_meet(sharding: ShardingType, column_shards: int, cluster: Cluster) -> bool:
    """Whether one device may hold two shards of a table."""
    if sharding is ShardingType.TABLE_COLUMN_WISE:
        return column_shards > cluster.devices_per_node
    return sharding in (ShardingType.COLUMN_WISE, ShardingType.GRID_SHARD)


def _cuts_up_to(places: int, dim: int, asked: bool) -> Sequence[int]:
    """The cuts with a place for each shard; if there is none, the coarsest, where asked for."""
    cuts = _legal_cuts(dim)
    return [cut for cut in cuts if cut <= places] or (cuts[:1] if asked else ())


@cache
def _legal_cuts(dim: int) -> tuple[int, ...]:
    """The numbers of equal column shards, two or more, whose width the kernels accept."""
    return tuple(
        cut
        for cut in range(2, dim // _COLUMN_MULTIPLE + 1)
        if dim % cut == 0 and (dim // cut) % _COLUMN_MULTIPLE == 0
    )


def _rows_suffice(
    rows: NDArray[np.int64], sharding: NDArray[np.int64], cluster: Cluster
) -> NDArray[np.bool_]:
    """Whether no row shard would be empty, which crashes TorchRec's row-wise kernels."""
    row_shards = np.ones_like(rows)
    row_shards[sharding == SHARDING_TYPES.index(ShardingType.ROW_WISE)] = cluster.world_size
    for kind in (ShardingType.TABLE_ROW_WISE, ShardingType.GRID_SHARD):
        row_shards[sharding == SHARDING_TYPES.index(kind)] = cluster.devices_per_node
    block = -(-rows // row_shards)
    keep: NDArray[np.bool_] = rows > (row_shards - 1) * block
    return keep
