"""Constraints that leave a table no way to be sharded on a machine, each at its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shardplan.options import limits
from shardplan.options.dynamic_shares import PooledShares
from shardplan.options.enumerate import is_small
from shardplan.options.pins import NO_PINS
from shardplan.options.policy import policies
from shardplan.options.refused import Refused
from shardplan.planning.cases.groupings import cases_by_groups
from shardplan.planning.offered import offer_of
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.validation.listing import listed
from shardplan.spec.validation.validation import sort_diagnostics
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from shardplan.case import Case
    from shardplan.diagnostics import Diagnostic
    from shardplan.options.constraint import Constraint
    from shardplan.options.policy import Policy
    from shardplan.sharding.world import World
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.text.place import Path
    from shardplan.workload.table import Table

_DEMANDS = ("sharding", "kernels", "ranks", "nodes")
"""Keys of a constraint that each leave fewer ways, beside its pins and ``apart``."""


@dataclass(frozen=True, slots=True)
class _NoWay:
    """A table without any way to be sharded, and what of its constraints brings that about."""

    refused: Refused
    keys: tuple[tuple[int, str], ...]
    """Constraints by their positions, with a key of each without which alone there would be a
    way; all constraints and no key of them where it takes more than one."""


def contradictions(loaded: LoadedSpec, case: Case) -> tuple[Diagnostic, ...]:
    """A fault for each set of constraints that leaves a table none of the options that ``solve``
    would enumerate.

    Tables that have no option without their constraints either are not told: no constraint is
    at fault. Where the spec leaves open in how many groups the devices are, none of them helps.
    """
    found = _tables_without_way(case)
    for grouped in cases_by_groups(case) if found else ():
        if grouped is case:
            continue
        still = _tables_without_way(grouped)
        found = {table: no_way for table, no_way in found.items() if table in still}
    alike: dict[tuple[tuple[int, str], ...], list[_NoWay]] = {}
    for no_way in found.values():
        alike.setdefault(no_way.keys, []).append(no_way)
    return tuple(sort_diagnostics(listed(_told(loaded, case, each) for each in alike.values())))


def _told(loaded: LoadedSpec, case: Case, alike: list[_NoWay]) -> Diagnostic:
    keys, first = alike[0].keys, alike[0].refused
    numbers = sorted({number for number, _ in keys})
    by = " and ".join(case.constraints[number].label for number in numbers)
    name, more = show(first.table.label), len(alike) - 1
    whose = f"tables {name} and {more:,} more are" if more else f"table {name} is"
    message = f"{whose} left no way to be sharded by {by}"
    why = ". ".join(first.reasons())
    number, key = keys[-1]
    named = " or ".join(f"{key} of {case.constraints[n].label}" for n, key in keys if key)
    hint = f"change {named}: {why}" if named else why
    at: Path = ("constraints", number, *([key] if key else []))
    return loaded.document.diagnostic(at, message, hint, "contradiction")


def _tables_without_way(case: Case) -> dict[int, _NoWay]:
    """By position; tables that rules cannot tell apart are looked at once."""
    applied: dict[int, list[int]] = {}
    for number, constraint in enumerate(case.constraints):
        for index in constraint.tables if any(_without_each_key(constraint)) else ():
            applied.setdefault(index, []).append(number)
    if not applied:
        return {}
    workload, world, offer = case.workload, case.topology.world, offer_of(case)
    of_table = policies(workload, world, case.constraints)
    kernels = PooledShares.of(workload, world).kernels
    can_be: dict[Hashable, bool] = {}
    found: dict[int, _NoWay] = {}
    for index, numbers in sorted(applied.items()):
        table, dynamic = workload.tables[index], kernels.get(index)
        kind = _kind(table, of_table[index], world), dynamic
        if can_be.get(kind):
            continue
        own = tuple(case.constraints[number] for number in numbers)
        refused = Refused(table, own, world, offer, workload.training, dynamic)
        can_be[kind] = refused.has_way
        if not can_be[kind] and replace(refused, constraints=()).has_way:
            found[index] = _NoWay(refused, _keys_at_fault(refused, numbers))
    return found


def _kind(table: Table, policy: Policy, world: World) -> Hashable:
    """What of a table decides whether a policy leaves it any way."""
    over = sorted({world.devices_of(kind.rows) for kind in SHARDING_TYPES})
    return (
        policy,
        table.dim,
        table.dtype,
        is_small(table),
        tuple(not limits.rows_fault(table, n) for n in over),
        tuple(not limits.most_hot_rows_fault(count, table) for count in (1, *policy.hot_rows)),
    )


def _keys_at_fault(refused: Refused, numbers: list[int]) -> tuple[tuple[int, str], ...]:
    own = refused.constraints
    alone = tuple(
        (number, key)
        for position, number in enumerate(numbers)
        for key, less in _without_each_key(own[position])
        if replace(refused, constraints=(*own[:position], less, *own[position + 1 :])).has_way
    )
    return alone or tuple((number, "") for number in numbers)


def _without_each_key(constraint: Constraint) -> Iterator[tuple[str, Constraint]]:
    """Each key that leaves fewer ways, and the constraint without it."""
    for key in _DEMANDS:
        if getattr(constraint, key) is not None:
            none: dict[str, Any] = {key: None}
            yield key, replace(constraint, **none)
    if constraint.apart:
        yield "apart", replace(constraint, apart=False)
    for pin in constraint.pins.names:
        pins = replace(constraint.pins, **{pin: getattr(NO_PINS, pin)})
        yield pin, replace(constraint, pins=pins)
