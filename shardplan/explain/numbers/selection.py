"""Some tables of a plan together: what they cost, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.numbers.explain import tables
from shardplan.explain.numbers.explanation import TierBytes
from shardplan.plan.file.rounding import rounded, whole_bytes
from shardplan.spec.matching import TableNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.explain.numbers.explanation import TableLine
    from shardplan.explain.numbers.study import Study


@dataclass(frozen=True, slots=True)
class SelectionPhase:
    """What the selected tables add to one phase."""

    name: str
    seconds: float
    """On the device where they take longest."""
    rank: int
    """That device."""
    total_seconds: float
    """Over all devices."""
    share: float
    """Of what all tables add over all devices."""
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """The tables that match, as a whole and one by one."""

    patterns: tuple[str, ...]
    table_count: int
    """Of the whole plan."""
    phases: tuple[SelectionPhase, ...]
    memory_bytes: TierBytes
    """Over all devices, buffers included."""
    tables: tuple[TableLine, ...]
    """The costliest first."""


def select(study: Study, patterns: Sequence[str]) -> Selection:
    """Take the tables whose names match any of ``patterns``: names or globs.

    Raises KeyError with a pattern that matches none.
    """
    names = TableNames((of.table.module, of.table.name) for of in study.planned)
    chosen: set[int] = set()
    for pattern in patterns:
        matched = names.match(pattern)
        if not matched:
            raise KeyError(pattern)
        chosen |= set(matched)
    members = np.array(sorted(chosen))
    ledger = study.ledger
    held = ledger.total_bytes[members].sum(axis=0)
    lines = tables(study)
    return Selection(
        patterns=tuple(patterns),
        table_count=len(lines),
        phases=_phases(study, members.tolist()),
        memory_bytes=TierBytes(*(whole_bytes(value) for value in held.tolist())),
        tables=tuple(sorted((lines[t] for t in members), key=lambda line: -line.slowest_seconds)),
    )


def _phases(study: Study, members: Sequence[int]) -> tuple[SelectionPhase, ...]:
    ledger = study.ledger
    per_rank = ledger.take(members).rank_seconds
    all_tables = ledger.total_seconds.sum(axis=0)
    return tuple(
        SelectionPhase(
            name=phase.name,
            seconds=rounded(float(seconds.max())),
            rank=int(seconds.argmax()),
            total_seconds=rounded(float(seconds.sum())),
            share=rounded(float(seconds.sum() / whole)) if whole else 0.0,
            is_hidden=not counted,
        )
        for phase, seconds, whole, counted in zip(
            study.case.cost_model.phases,
            per_rank.T,
            all_tables.tolist(),
            study.is_counted.tolist(),
            strict=True,
        )
    )
