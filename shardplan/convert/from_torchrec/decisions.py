"""The tables of a TorchRec plan -> decisions for the tables of a spec."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shardplan.convert.from_torchrec.stated_world import StatedWorld
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.options.policy import policies
from shardplan.plan.decision import Decision
from shardplan.sharding.geometry import Shard, shards
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.recover import recover
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.convert.from_torchrec.stated_table import StatedTable
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World
    from shardplan.workload.table import Table

LOAD_FACTOR = 0.2
"""What TorchRec takes for a cache whose size nobody says (``UVM_CACHING_RATIO``)."""


def decisions_of(stated: Sequence[StatedTable], case: Case, file: str) -> tuple[Decision, ...]:
    """One for each table of the case, in their order.

    A single column shard is read as the type that cuts no columns, which lies alike; and what lies
    on a node, where there is but one, as the type that lies on all devices, unless the spec asks
    for the other by name.

    Raises InputError with every table that one of the two lacks, and every one that is cut or
    placed as no plan can be; or with the machine, where the plan is of another one.
    """
    by_key = {(each.module, each.name): each for each in stated}
    tables = {(table.module, table.name): table for table in case.workload.tables}
    faults = [
        *(
            _fault(file, by_key[key], "is no table of the spec")
            for key in by_key
            if key not in tables
        ),
        *(
            Diagnostic(file, 0, 0, _label(*key), "a table of the spec is missing", code="plan")
            for key in tables
            if key not in by_key
        ),
    ]
    if fault := StatedWorld.of(stated).fault(case.topology.world):
        hint = "give a --spec of the machine that the plan is of: topology.nodes, devices_per_node"
        faults.insert(0, Diagnostic(file, 0, 0, "", fault, hint, code="plan"))
        raise InputError(faults)
    decisions = []
    world = case.topology.world
    of_table = policies(case.workload, world, case.constraints)
    for index, (key, table) in enumerate(tables.items()):
        if (each := by_key.get(key)) is None:
            continue
        try:
            decisions.append(_decision(index, each, table, world, of_table[index].asked))
        except ValueError as error:
            faults.append(_fault(file, each, str(error)))
    if faults:
        raise InputError(faults)
    return tuple(decisions)


def _decision(
    index: int, stated: StatedTable, table: Table, world: World, asked: Collection[ShardingType]
) -> Decision:
    kind, kernel = _named(stated)
    if not stated.ranks and not stated.shards and not kind.is_replicated:
        raise ValueError("has neither ranks nor shards")
    if max((*stated.ranks, *(shard.rank for shard in stated.shards)), default=0) >= world.size:
        raise ValueError(f"lies on ranks that {world.size} devices do not have")
    targets: tuple[int, ...]
    widths: tuple[int, ...] = ()
    kind = _read_as(kind, stated, world, asked)
    if stated.shards:
        found = [Shard(each.rank, *each.offsets, *each.sizes) for each in stated.shards]
        column_shards, targets, widths = recover(kind, table.rows, table.dim, found, world)
    else:
        column_shards = stated.column_shards or 1
        targets = tuple(_targets(kind, stated.ranks, world))
        if stated.ranks:
            _check_ranks(kind, table, column_shards, targets, stated.ranks, world)
    factor = stated.load_factor if stated.load_factor is not None else LOAD_FACTOR
    held = factor if kernel.caches else None
    return Decision(index, kind, kernel, column_shards, targets, held, widths=widths)


def _named(stated: StatedTable) -> tuple[ShardingType, Kernel]:
    """Raises ValueError for those that are not planned."""
    names = {each.name for each in SHARDING_TYPES if each.is_torchrecs}
    if stated.sharding_type not in names:
        raise ValueError(f"{stated.sharding_type} is no sharding type that is planned")
    kernels = {each.name for each in KERNELS if not each.is_dynamic}
    if stated.compute_kernel not in kernels:
        raise ValueError(f"{stated.compute_kernel} is no kernel that is planned")
    return SHARDING_TYPES.named(stated.sharding_type), KERNELS.named(stated.compute_kernel)


def _read_as(
    kind: ShardingType, stated: StatedTable, world: World, asked: Collection[ShardingType]
) -> ShardingType:
    cuts = len({shard.offsets[1] for shard in stated.shards}) or stated.column_shards or 1
    whole = (kind.uncut or kind) if cuts == 1 else kind
    if world.nodes > 1 or whole in asked:
        return whole
    return whole.on_one_node or whole


def _targets(kind: ShardingType, ranks: Sequence[int], world: World) -> Iterator[int]:
    """Where the units of a table lie of which only the ranks are told, in any order."""
    if kind.lands is Extent.DEVICE:
        yield from ranks
    elif kind.lands is Extent.NODE:
        each = world.devices_per_node
        shards = Counter(rank // each for rank in ranks)
        for node, count in sorted(shards.items()):
            yield from [node] * (count // each if kind.has_many_units else 1)


def _check_ranks(
    kind: ShardingType,
    table: Table,
    column_shards: int,
    targets: Sequence[int],
    stated: Sequence[int],
    world: World,
) -> None:
    """Raises ValueError where a table does not lie on just the ranks that are stated of it."""
    ranks: Sequence[int] = ()
    if kind.lands is Extent.WORLD or len(targets) == kind.units(column_shards):
        found = shards(kind, table.rows, table.dim, column_shards, targets, world)
        ranks = range(world.size) if kind.is_replicated else [shard.rank for shard in found]
    if sorted(stated) != sorted(ranks):
        there = f"{len(stated)} shards on ranks {min(stated)} to {max(stated)}"
        cut = f" of {column_shards} column shards" if kind.cuts_columns else ""
        raise ValueError(
            f"has {there}, as {kind}{cut} has not on nodes of {world.devices_per_node} "
            f"of {world.size} ranks"
        )


def _fault(file: str, stated: StatedTable, message: str) -> Diagnostic:
    where = _label(stated.module, stated.name)
    return Diagnostic(file, stated.line, 0, where, message, code="plan")


def _label(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name
