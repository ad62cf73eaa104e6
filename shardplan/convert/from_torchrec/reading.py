"""Tables of a TorchRec plan that were read as another sharding type than the one it states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.convert.from_torchrec.stated_table import StatedTable
    from shardplan.plan.decision import Decision


@dataclass(frozen=True, slots=True)
class Reading:
    """A type, and the one that lies alike: of a single column shard one that cuts no columns, on a
    single node one on all devices."""

    stated: str
    read: str
    tables: tuple[str, ...]
    """Their labels."""
    how: str = "of one column shard"
    """Of which tables of the type it is so, in words behind its name."""


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
    return tuple(Reading(*pair, tuple(names), _how(*pair)) for pair, names in tables.items())


def _how(stated: str, read: str) -> str:
    there, here = SHARDING_TYPES.named(stated), SHARDING_TYPES.named(read)
    words = ["of one column shard"] if there.cuts_columns else []
    if here.rows is not there.rows:
        words.append("on a single node")
    return " ".join(words)
