"""Figures of a file with how each is known and where it is from."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from shardplan.explain.report.report import Column, Grid, Section
from shardplan.spec.fields.figure import Figure, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shardplan.topology.measured.sourced import Sourced

_UNSAID = "unsaid"


def figures_section(
    figures: Iterable[tuple[tuple[str | int, ...], Sourced]], sources: Mapping[str, str]
) -> Section:
    """One line per figure, and below them what the names of the sources stand for."""
    columns = (
        Column("figure", is_name=True),
        Column("value", True, is_prose=True),
        Column("known as"),
        Column("source", is_name=True),
    )
    listed = list(figures)
    rows = tuple(
        (
            ".".join(str(part) for part in path),
            _value(figure),
            figure.provenance or _UNSAID,
            figure.source or "-",
        )
        for path, figure in listed
    )
    remarks = tuple(f"{key}: {text}" for key, text in sources.items())
    return Section("Figures", grid=Grid(columns, rows), remarks=remarks)


def provenance_words(provenances: Iterable[Provenance | None]) -> str:
    """``9 datasheet, 3 estimated``, the surest first."""
    counts = Counter(provenance or _UNSAID for provenance in provenances)
    ordered = (*Provenance, _UNSAID)
    return ", ".join(f"{counts[known]} {known}" for known in ordered if counts[known])


def _value(figure: Sourced) -> str:
    """As it would be written in the file; of what has no single value a few words."""
    if not isinstance(figure, Figure):
        return str(figure)
    written: Any = figure.model_dump(mode="json")["value"]
    return f"{written:,.10g}" if isinstance(written, float) else str(written)
