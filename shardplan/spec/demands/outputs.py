"""Formats of outputs that constraints pin, table by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.spec.matching import TableNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.workload.dtype import Dtype


def pinned_outputs(
    constraints: Sequence[ConstraintSpec], keys: Sequence[tuple[str, str]]
) -> dict[int, tuple[Dtype, ...]]:
    """By positions of tables with these modules and names, the formats, each once."""
    pinning = [each for each in constraints if each.output_dtype is not None]
    if not pinning:
        return {}
    names = TableNames(keys)
    found: dict[int, tuple[Dtype, ...]] = {}
    for each in pinning:
        assert each.output_dtype is not None
        for table in {table for pattern in each.tables for table in names.match(pattern)}:
            found[table] = tuple(dict.fromkeys((*found.get(table, ()), each.output_dtype)))
    return found
