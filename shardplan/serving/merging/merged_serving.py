"""A model that is served with small tables merged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor
from typing import TYPE_CHECKING

from shardplan.serving.merging.joined_table import JoinedTable
from shardplan.serving.merging.merge import merge
from shardplan.serving.merging.mergeable import kin_of
from shardplan.serving.merging.piece import Piece
from shardplan.solve.deadline import ENDLESS
from shardplan.workload.access import Uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.serving.merging.merge import Merging
    from shardplan.solve.deadline import Deadline
    from shardplan.workload.serving.served_table import ServedTable
    from shardplan.workload.serving.serving import Serving


@dataclass(frozen=True, slots=True)
class MergedServing:
    """What is served in place of what, and how it was chosen."""

    serving: Serving
    """Each merged table where the first of its members was."""
    members: tuple[tuple[int, ...], ...]
    """Of each table of ``serving``, positions of the tables that it is."""
    merging: Merging
    """``tables`` and bounds are of all tables, those that may not be merged included; bytes are of
    rows in the format of training."""


def merged_serving(
    serving: Serving, extra_share: float, enough: int = 1, until: Deadline = ENDLESS
) -> MergedServing:
    """The fewest tables, or ``enough``, for at most that share more of the bytes of all tables.

    Raises SolverError where the solver fails.
    """
    kin = [kin_of(served) for served in serving.tables]
    may = [at for at, each in enumerate(kin) if each is not None]
    pieces = [
        Piece(kin[at], serving.tables[at].table.rows, serving.tables[at].table.row_bytes)
        for at in may
    ]
    stored = sum(each.table.rows * each.table.row_bytes for each in serving.tables)
    others = len(kin) - len(may)
    found = merge(pieces, floor(extra_share * stored), max(1, enough - others), until)
    groups = tuple(tuple(sorted(may[at] for at in group)) for group in found.groups)
    merging = replace(
        found,
        groups=groups,
        tables=found.tables + others,
        least_tables=found.least_tables + others,
    )
    in_group = {at: group for group in groups for at in group}
    members = tuple(group for at in range(len(kin)) if (group := in_group.get(at, (at,)))[0] == at)
    tables = tuple(joined_served([serving.tables[at] for at in group]) for group in members)
    return MergedServing(replace(serving, tables=tables), members, merging)


def joined_served(members: Sequence[ServedTable]) -> ServedTable:
    """One table in place of several of the same kin, its losses the sums of theirs.

    How ids of the members come together nobody says: it counts as if no row were hotter than
    another.
    """
    first = members[0]
    if len(members) == 1:
        return first
    tables = [each.table for each in members]
    joined = JoinedTable(tuple(t.rows for t in tables), tuple(t.dim for t in tables))
    table = replace(
        first.table,
        name="+".join(t.name for t in tables),
        rows=joined.rows,
        dim=joined.dim,
        features=("+".join(feature for t in tables for feature in t.features),),
        access=Uniform(),
        has_namesake=False,
        unpadded_dim=None,
        hot_ids=0,
    )
    losses = {
        form: sum(each.losses[form] for each in members)
        for form in first.losses
        if not form.scale_bytes
    }
    return replace(first, table=table, losses=losses)
