"""What demands on one table leave it none of, whatever the machine."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from shardplan.options import limits
from shardplan.options.pins import Pins
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Set

    from shardplan.sharding.kind import ShardingType
    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.workload.collection import Collection


_AT_ONCE = "all constraints that match a table hold at once"


class Nothing(NamedTuple):
    """What a table is left none of, and by which constraints."""

    what: str
    by: list[int]
    hint: str = _AT_ONCE
    key: str = ""
    """Of the last of these constraints, at which it is told; empty: the constraint."""


def left_nothing(
    demands: Mapping[int, ConstraintSpec], collection: Collection, dim: int
) -> list[Nothing]:
    """Of constraints by their positions, on a table of so many columns in such a module."""
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
        hint = _hint(demands, "sharding", SHARDING_TYPES, Pins.kind_fault)
        found.append(Nothing("sharding type", on_sharding, hint))
    elif all(of_module.values()):
        found.append(Nothing("sharding type", on_sharding, next(iter(of_module.values()))))
    sharding = {kind for kind, fault in of_module.items() if not fault}
    found += _no_cut(demands, sharding, dim, on_sharding) if not found else ()
    if not kernels:
        hint = _hint(demands, "kernels", KERNELS, Pins.kernel_fault)
        found.append(Nothing("kernel", on_kernels, hint))
    if not found and not any(k.runs(s) for s, k in product(sharding, kernels)):
        by = sorted({*on_sharding, *on_kernels})
        found.append(Nothing("way to shard it", by, _pairs(sharding)))
    if ranks is not None and not ranks:
        found.append(Nothing("rank", [index for index, demand in demands.items() if demand.ranks]))
    return found


def _hint(
    demands: Mapping[int, ConstraintSpec],
    key: str,
    every: Iterable[Any],
    fault_of: Callable[[Pins, Any], str],
) -> str:
    """What each pin and list of constraints leaves, where pins are among what excludes another."""
    words, has_pins = list[str](), False
    for index, demand in demands.items():
        if allowed := getattr(demand, key):
            words.append(f"constraints[{index}] allows {', '.join(map(str, allowed))} alone")
        for pin in demand.pins.each:
            if fault := next((fault for each in every if (fault := fault_of(pin, each))), ""):
                words.append(f"constraints[{index}] {fault}")
                has_pins = True
    return f"{'; '.join(words)}: drop one of these" if has_pins else _AT_ONCE


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
        ("hot_rows", "number of hot rows"),
    ):
        by = {index: getattr(each, key) for index, each in demands.items() if getattr(each, key)}
        if len(set(by.values())) > 1:
            yield Nothing(f"{what} ({key})", list(by), key=key)


class _Cut(NamedTuple):
    """A way to cut columns that some constraints leave, as far as it matters to pins."""

    width: int
    """Columns of the narrowest shard."""
    shards: int
    by: list[int]
    """The constraints that leave no other way."""
    words: str


def _no_cut(
    demands: Mapping[int, ConstraintSpec],
    kinds: Set[ShardingType],
    dim: int,
    on_sharding: list[int],
) -> Iterator[Nothing]:
    """Pins that no way to cut columns obeys, of those that pins and types leave.

    Of a table whose columns may be cut into any number, the coarsest cut is as wide as any.
    """
    told = list[Nothing]()
    for cut in _cuts(demands, kinds, dim, on_sharding):
        faults = {n: d.pins.cut_fault(cut.width, cut.shards) for n, d in demands.items()}
        against = [n for n, fault in faults.items() if fault]
        if not against:
            return
        last = max(against[0], *cut.by)
        key = _key_against(demands[against[0]], cut) if last == against[0] else ""
        hint = f"{cut.words}; constraints[{against[0]}] {faults[against[0]]}: change one of them"
        told.append(Nothing("way to cut its columns", sorted({*cut.by, against[0]}), hint, key))
    yield from told[:1]


def _cuts(
    demands: Mapping[int, ConstraintSpec],
    kinds: Set[ShardingType],
    dim: int,
    on_sharding: list[int],
) -> Iterator[_Cut]:
    blocks = {n: d.column_blocks for n, d in demands.items() if d.column_blocks}
    counts = {n: d.column_shards for n, d in demands.items() if d.column_shards}
    for n, widths in blocks.items():
        listed = " + ".join(map(str, widths))
        yield _Cut(min(widths), len(widths), [n], f"constraints[{n}] cuts columns into {listed}")
    for n, count in counts.items() if not blocks else ():
        words = f"constraints[{n}] cuts {dim:,} columns into {count:,} shards"
        yield _Cut(dim // count, count, [n], words)
    if blocks or counts:
        return
    if any(not kind.cuts_columns for kind in kinds):
        yield _Cut(dim, 1, on_sharding, "its columns are left whole")
    if any(kind.cuts_columns for kind in kinds):
        words = f"{dim:,} columns are cut into 2 shards at least"
        yield _Cut(dim // 2, 2, on_sharding, words)


def _key_against(demand: ConstraintSpec, cut: _Cut) -> str:
    """What a constraint pins otherwise than a cut has it."""
    return "column_shards" if demand.column_shards not in (None, cut.shards) else "min_width"
