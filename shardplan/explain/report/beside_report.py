"""BesideMeasured -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from shardplan.explain.numbers.beside_measured import BesideMeasured, PhaseBeside, RankBeside

_MOST_RANKS = 32
_NOTHING = "-"


def beside_report(found: BesideMeasured) -> Report:
    """Phases, then the ranks that stray most."""
    sections = [_phases(found)]
    if found.ranks:
        sections.append(_ranks(found))
    return Report(f"{found.name}: predicted beside measured", tuple(sections))


def _phases(found: BesideMeasured) -> Section:
    columns = (
        Column("phase"),
        Column("predicted", True),
        Column("measured", True),
        Column("ratio", True),
    )
    rows = tuple(_phase(phase) for phase in found.phases)
    remarks = [f"not measured: {', '.join(found.unmeasured)}"] if found.unmeasured else []
    if found.predicted_throughput and found.measured_throughput:
        expected, seen = (
            words.rate(side.samples_per_second)
            for side in (found.predicted_throughput, found.measured_throughput)
        )
        remarks.append(f"throughput: {expected} predicted, {seen} measured")
    meaning = "of the slowest device; ratio: measured over predicted"
    return Section("Phases", meaning, Grid(columns, rows), tuple(remarks))


def _phase(phase: PhaseBeside) -> tuple[str, ...]:
    predicted = phase.predicted_seconds
    return (
        phase.name + (" (hidden)" if phase.is_hidden else ""),
        _NOTHING if predicted is None else words.seconds(predicted),
        words.seconds(phase.measured_seconds),
        _ratio(phase.ratio),
    )


def _ranks(found: BesideMeasured) -> Section:
    columns = (
        Column("rank", True),
        Column("predicted", True),
        Column("measured", True),
        Column("ratio", True),
        Column("HBM predicted", True),
        Column("measured", True),
    )
    farthest = sorted(found.ranks, key=_stray, reverse=True)[:_MOST_RANKS]
    rows = tuple(_rank(rank) for rank in sorted(farthest, key=lambda rank: rank.rank))
    remarks: tuple[str, ...] = ()
    if len(farthest) < len(found.ranks):
        count = words.plural(len(found.ranks), "rank")
        remarks = (f"the {len(farthest)} that stray most of {count}; --format json has all",)
    meaning = "sums over the phases that were measured on the rank"
    return Section("Ranks", meaning, Grid(columns, rows), remarks)


def _stray(rank: RankBeside) -> float:
    """How far a rank is from what was predicted, either way."""
    return max(rank.ratio, 1 / rank.ratio) if rank.ratio else 0.0


def _rank(rank: RankBeside) -> tuple[str, ...]:
    held = rank.measured_hbm_bytes
    return (
        f"{rank.rank}",
        words.seconds(rank.predicted_seconds),
        words.seconds(rank.measured_seconds),
        _ratio(rank.ratio),
        format_bytes(rank.predicted_hbm_bytes),
        _NOTHING if held is None else format_bytes(held),
    )


def _ratio(ratio: float | None) -> str:
    return _NOTHING if ratio is None else f"{ratio:.2f}"
