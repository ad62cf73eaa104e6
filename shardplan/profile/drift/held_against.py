"""All tables of new data held against what is kept of old data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.profile.drift.drift import ProfileDrift
from shardplan.profile.drift.movement import movement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.plan.file.plan import Plan
    from shardplan.profile.drift.beyond_rows import BeyondRows
    from shardplan.profile.drift.plan_effect import PlanEffect
    from shardplan.profile.drift.reference import Reference

    ReadsOf = Callable[[str, NDArray[np.int64]], NDArray[np.int64]]
    """Of a table, how often the new data reads ids."""


def held_against(
    old: Mapping[str, Reference],
    new: Mapping[str, Reference],
    reads_of: ReadsOf,
    *,
    rows: Mapping[str, int] | None = None,
    cached_rows: Mapping[str, int] | None = None,
    effect: PlanEffect | None = None,
    beyond: tuple[BeyondRows, ...] = (),
) -> ProfileDrift:
    """Which tables moved; all mappings by table, ``rows`` and ``cached_rows`` as far as known.

    A table of which nothing was read is as good as one that is not there.
    """
    before = {name for name, each in old.items() if each.accesses}
    after = [name for name, each in new.items() if each.accesses]
    movements = tuple(
        movement(
            name,
            old[name],
            new[name],
            lambda ids, name=name: reads_of(name, ids),  # type: ignore[misc]
            rows=(rows or {}).get(name),
            cached_rows=(cached_rows or {}).get(name),
        )
        for name in after
        if name in before
    )
    appeared = tuple(name for name in after if name not in before)
    vanished = tuple(name for name in old if name in before and name not in after)
    return ProfileDrift(movements, appeared, vanished, effect, beyond)


def cached_rows_of(plan: Plan) -> dict[str, int]:
    """By table, the hottest rows that the plan keeps nearer: in caches in HBM, or on every rank."""
    facts = {(table.module, table.name): table.rows for table in plan.tables}
    found = {}
    for module, tables in plan.plan.items():
        for name, entry in tables.items():
            if entry.replicated_rows:
                found[name] = entry.replicated_rows
            elif entry.cache is not None and entry.cache.load_factor:
                found[name] = max(1, round(entry.cache.load_factor * facts[module, name]))
    return found
