"""Tables of a TorchRec plan that were read as another sharding type than the one it states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.convert.from_torchrec.stated_table import StatedTable
    from shardplan.plan.decision import Decision


@dataclass(frozen=True, slots=True)
class Reading:
    """A type with a single column shard, and the one that cuts no columns and lies alike."""

    stated: str
    read: str
    tables: tuple[str, ...]
    """Their labels."""


def readings(
    stated: Sequence[StatedTable], decisions: Sequence[Decision], case: Case
) -> tuple[Reading, ...]:
    """One for each pair of types; ``decisions`` are those of ``decisions_of``."""
    said = {(each.module, each.name): each.sharding_type for each in stated}
    tables: dict[tuple[str, str], list[str]] = {}
    for decision in decisions:
        table = case.workload.tables[decision.table]
        pair = said[table.module, table.name], decision.sharding.name
        if pair[0] != pair[1]:
            tables.setdefault(pair, []).append(table.label)
    return tuple(Reading(*pair, tuple(names)) for pair, names in tables.items())
