"""What demands on one table leave it none of, whatever the machine."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from shardplan.options import limits
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

    from shardplan.sharding.kind import ShardingType
    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.workload.collection import Collection


class Nothing(NamedTuple):
    """What a table is left none of, and by which constraints."""

    what: str
    by: list[int]
    hint: str = "all constraints that match a table hold at once"


def left_nothing(demands: Mapping[int, ConstraintSpec], collection: Collection) -> list[Nothing]:
    """Of constraints by their positions, on a table of such a module."""
    sharding, kernels = set(SHARDING_TYPES), set(KERNELS)
    ranks: set[int] | None = None
    for demand in demands.values():
        sharding &= set(demand.sharding or SHARDING_TYPES)
        kernels &= set(demand.kernels or KERNELS)
        sharding = {kind for kind in sharding if not demand.pins.kind_fault(kind)}
        kernels = {kernel for kernel in kernels if not demand.pins.kernel_fault(kernel)}
        if demand.ranks:
            ranks = set(demand.ranks) & (set(demand.ranks) if ranks is None else ranks)
    on_sharding = [n for n, d in demands.items() if d.sharding or d.pins.narrows_types]
    on_kernels = [n for n, d in demands.items() if d.kernels or d.pins.narrows_kernels]
    found = list(_pinned_twice(demands))
    for index, demand in demands.items() if not collection.is_pooled else ():
        if fault := limits.widths_fault(demand.column_blocks or ()):
            found.append(Nothing("way to cut its columns", [index], fault))
    of_module = {kind: limits.collection_fault(kind, collection) for kind in sharding}
    if not sharding:
        found.append(Nothing("sharding type", on_sharding))
    elif all(of_module.values()):
        found.append(Nothing("sharding type", on_sharding, next(iter(of_module.values()))))
    sharding = {kind for kind, fault in of_module.items() if not fault}
    if not kernels:
        found.append(Nothing("kernel", on_kernels))
    if not found and not any(k.runs(s) for s, k in product(sharding, kernels)):
        by = sorted({*on_sharding, *on_kernels})
        found.append(Nothing("way to shard it", by, _pairs(sharding)))
    if ranks is not None and not ranks:
        found.append(Nothing("rank", [index for index, demand in demands.items() if demand.ranks]))
    return found


def _pairs(kinds: Set[ShardingType]) -> str:
    """Which kernels go with which types."""
    if all(kind.keeps_hot_rows for kind in kinds):
        able = [k.name for k in KERNELS if any(map(k.runs, kinds))]
        *most, last = sorted(map(str, kinds))
        names = f"{', '.join(most)} and {last} run" if most else f"{last} runs"
        return f"{names} with {' and '.join(able)} alone"
    return "the kernel dense goes with data_parallel, the others with all other types"


def _pinned_twice(demands: Mapping[int, ConstraintSpec]) -> Iterator[Nothing]:
    """What several demands pin, each otherwise."""
    for key, what in (
        ("load_factor", "size of its cache"),
        ("column_shards", "number of shards"),
        ("column_blocks", "widths of shards"),
    ):
        by = {index: getattr(each, key) for index, each in demands.items() if getattr(each, key)}
        if len(set(by.values())) > 1:
            yield Nothing(f"{what} ({key})", list(by))
