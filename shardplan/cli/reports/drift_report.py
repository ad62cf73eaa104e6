"""Drift -> Report, JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.explain.words.ranks import compress
from shardplan.tune.drift.drift import STEP

if TYPE_CHECKING:
    from shardplan.tune.drift.drift import Drift, Term

_NOTHING = "-"
_MOST_TOLD = 3


def drift_report(found: Drift) -> Report:
    """The step, then its phases; those that moved most come first."""
    columns = (
        Column("part"),
        Column("predicted", True),
        Column("before", True),
        Column("now", True),
        Column("moved", True),
        Column("over predicted", True, spare=2),
        Column("by chance", True, spare=1),
        Column("since", is_name=True),
        Column("what may have moved", is_list=True),
    )
    meaning = (
        "medians over the files before and after the likeliest change; by chance: how likely as "
        "much is where nothing changes, by Pettitt's test, times the number of parts; what may "
        "have moved: the ranks, where not all did, and each part of the phase that accounts for it"
    )
    rows = tuple(map(_row, found.terms))
    grid = Grid(columns, rows)
    return Report(
        f"{found.name}: {words.plural(found.files, 'measured file')}",
        (Section("Drift", meaning, grid),),
        _closing(found),
    )


def drift_json(found: Drift) -> dict[str, Any]:
    """The same numbers as plain values."""
    return asdict(found) | {"has_drifted": found.has_drifted}


def _row(term: Term) -> tuple[str, ...]:
    predicted = term.predicted_seconds
    return (
        term.name + (" (hidden)" if term.is_hidden else ""),
        _NOTHING if predicted is None else words.seconds(predicted),
        words.seconds(term.before_seconds),
        words.seconds(term.after_seconds),
        f"x{term.after_seconds / term.before_seconds:.3f}" if term.has_moved else _NOTHING,
        _NOTHING if predicted is None else f"x{term.after_seconds / predicted:.2f}",
        f"{100 * term.chance:.2g}%",
        term.since or _NOTHING,
        ", ".join(_moved(term)) or _NOTHING,
    )


def _moved(term: Term) -> tuple[str, ...]:
    """The ranks on which a phase moved, and what in it."""
    return (*([_on(term)] if term.ranks else []), *term.parts)


def _on(term: Term) -> str:
    return f"{'rank' if len(term.ranks) == 1 else 'ranks'} {compress(term.ranks)}"


def _closing(found: Drift) -> str:
    moved = [term for term in found.terms if term.has_moved]
    error = f"{100 * found.error:g}%"
    if not moved:
        return f"no drift, at an error of {error}: what moved may be chance"
    phases = [term for term in moved if term.name != STEP]
    if not phases:
        return "the step has moved, and no phase that was measured: what moved is outside of them"
    first = phases[0]
    said = f"{first.name} moved most: {words.seconds(abs(first.moved_seconds))} a step " + (
        "longer" if first.moved_seconds > 0 else "shorter"
    )
    said += f", on {_on(first)}" if first.ranks else ""
    return f"{said}; it may be {' or '.join(first.parts[:_MOST_TOLD])}" if first.parts else said
