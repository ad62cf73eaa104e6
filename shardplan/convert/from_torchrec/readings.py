"""Tables of a TorchRec plan that were read as another sharding type than the one it states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.convert.from_torchrec.stated_table import StatedTable
    from shardplan.plan.decision import Decision


def readings(
    stated: Sequence[StatedTable], decisions: Sequence[Decision], case: Case
) -> tuple[str, ...]:
    """A sentence for each pair of types; ``decisions`` are those of ``decisions_of``."""
    said = {(each.module, each.name): each.sharding_type for each in stated}
    tables: dict[tuple[str, str], list[str]] = {}
    for decision in decisions:
        table = case.workload.tables[decision.table]
        there, here = said[table.module, table.name], decision.sharding.name
        if there != here:
            tables.setdefault((there, here), []).append(table.label)
    return tuple(
        f"{there} of one column shard is read as {here}, which lies alike: {words.name_some(names)}"
        for (there, here), names in tables.items()
    )
