"""A profile held against the tables of an older one, and what that does to a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.drift.beyond_rows import beyond_rows
from shardplan.profile.drift.held_against import cached_rows_of, held_against
from shardplan.profile.drift.plan_effect import plan_effect
from shardplan.profile.drift.reference_file import read_references, reference_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.profile.drift.drift import ProfileDrift
    from shardplan.profile.drift.reference import Reference
    from shardplan.profile.tables.profile import Profile
    from shardplan.solve.deadline import Deadline


def old_references(tables: str) -> dict[str, Reference]:
    """What lies beside an older file of tables; raises InputError where nothing does."""
    beside = reference_path(Path(tables))
    if beside.exists():
        return read_references(beside)
    message, hint = "does not exist", "name the tables of an older profile"
    if Path(tables).exists():
        message = f"has no {beside.name} beside it, which later data is held against"
        hint = "`shardplan profile` writes it with the tables"
    raise InputError([Diagnostic(tables, 0, 0, "", message, hint, code="file")])


def held_profile(
    old: dict[str, Reference],
    new: Profile,
    plan: tuple[Plan, Case] | None,
    deadline: Deadline,
) -> ProfileDrift:
    """Which tables moved; with a plan and its case, what that does to it.

    ``new`` must know the reads of the old hot ids.
    """
    tables = {table.rule.name: table for table in new.tables}

    def reads_of(name: str, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        return tables[name].counts.reads_of_old[: len(ids)]

    specs = [table.spec for table in new.tables]
    effect = None if plan is None else plan_effect(*plan, specs, deadline)
    # A dictionary gives rows to ids that it knows, and one to all others.
    plain = (each for each in new.tables if not each.rule.mapping.is_dictionary)
    largest_ids = [(each.spec, each.counts.largest_id) for each in plain]
    beyond = () if plan is None else beyond_rows(plan[1], largest_ids)
    return held_against(
        old,
        {name: table.counts.reference for name, table in tables.items()},
        reads_of,
        rows={name: table.spec.rows for name, table in tables.items()},
        cached_rows=None if plan is None else cached_rows_of(plan[0]),
        effect=effect,
        beyond=beyond,
    )
