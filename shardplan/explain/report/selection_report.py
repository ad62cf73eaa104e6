"""Selection -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.memory_words import tier_words
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.report.table_section import placement_section
from shardplan.explain.words import words

if TYPE_CHECKING:
    from shardplan.explain.numbers.selection import Selection


def selection_report(found: Selection) -> Report:
    """What the tables add to each phase, what they hold, and where each went."""
    title = (
        f"{', '.join(found.patterns)}: {len(found.tables):,} of "
        f"{words.plural(found.table_count, 'table')}, {tier_words(found.memory_bytes)} over all "
        "devices"
    )
    columns = (
        Column("phase"),
        Column("slowest", True),
        Column("there", True),
        Column("all devices", True),
        Column("of all tables", True),
    )
    rows = tuple(
        (
            phase.name + (" (hidden)" if phase.is_hidden else ""),
            words.rank(phase.rank),
            words.seconds(phase.seconds),
            words.seconds(phase.total_seconds),
            words.percent(phase.share),
        )
        for phase in found.phases
        if phase.total_seconds
    )
    meaning = "what these tables add to each, and on which device they take longest"
    phases = Section("Phases", meaning, Grid(columns, rows))
    return Report(title, (phases, placement_section(found.tables)))
